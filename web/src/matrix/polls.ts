/** The polls of a room: making them, voting, closing, and what has been voted. */
import { type MatrixClient, type MatrixEvent, type Room, RoomEvent } from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import {
  countVotes,
  endContent,
  isPollStart,
  POLL_END,
  POLL_RESPONSE,
  POLL_START,
  type PollQuestion,
  pollContent,
  readResponse,
  responseContent,
} from "../lib/polls.ts";
import { personOf } from "./events.ts";
import { summaryOf } from "./lookup.ts";
import { targetOf } from "./outbox/item.ts";
import { localEvent } from "./outbox/local.ts";
import type { Sending } from "./sending.ts";
import type { MessageSummary, PollState } from "./types.ts";

const PAGE = 100;
/** Pages of votes that are counted; a poll with more has its count marked as partial. */
const MAX_PAGES = 50;
const VOTERS = 50;

type Relations = Map<string, MatrixEvent>;

export class Polls {
  private readonly states = new Map<string, Derived<PollState>>();

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly sending: Sending,
  ) {}

  async create(question: string, answers: readonly string[], max: number, disclosed: boolean): Promise<void> {
    this.sending.send(POLL_START[1], pollContent(question, answers, max, disclosed));
  }

  /** Votes, or votes anew; no answers take the vote back. */
  async vote(pollId: string, poll: PollQuestion, answers: readonly string[]): Promise<void> {
    const { type, content } = responseContent(poll, pollId, answers);
    this.sending.send(type, content);
  }

  async close(pollId: string, poll: PollQuestion, text: string): Promise<void> {
    const { type, content } = endContent(poll, pollId, text);
    this.sending.send(type, content);
  }

  /** What has been voted. It is fetched and followed while somebody watches. */
  state(pollId: string, poll: PollQuestion, creator: string): Derived<PollState> {
    let state = this.states.get(pollId);
    if (state === undefined) {
      state = this.watch(pollId, poll, creator);
      this.states.set(pollId, state);
    }
    return state;
  }

  /** Polls in what is loaded of the room, newest first. */
  recent(): MessageSummary[] {
    return this.room
      .getLiveTimeline()
      .getEvents()
      .filter((event) => isPollStart(event.getType()) && !event.isRedacted())
      .flatMap((event) => summaryOf(event, this.room) ?? [])
      .reverse();
  }

  private watch(pollId: string, poll: PollQuestion, creator: string): Derived<PollState> {
    const { room } = this;
    const relations: Relations = new Map();
    let loading = true;
    const state = new Derived<PollState>(
      () => this.compute(poll, creator, [...relations.values(), ...this.outgoing(pollId)], loading),
      (changed) => {
        const onEvent = (event: MatrixEvent) => {
          if (event.relationEventId !== pollId) return;
          relations.set(event.getTxnId() ?? event.getId() ?? "", event);
          changed();
        };
        const onDecrypted = (event: MatrixEvent, eventRoom?: Room) => {
          if (eventRoom?.roomId === room.roomId) onEvent(event);
        };
        this.client.on(RoomEvent.Timeline, onDecrypted);
        const stop = this.sending.items.subscribe(changed);
        room.on(RoomEvent.Redaction, changed);
        void this.fetch(pollId, relations).finally(() => {
          loading = false;
          changed();
        });
        return () => {
          this.client.off(RoomEvent.Timeline, onDecrypted);
          stop();
          room.off(RoomEvent.Redaction, changed);
        };
      },
    );
    return state;
  }

  private async fetch(pollId: string, relations: Relations): Promise<void> {
    let from: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { events, nextBatch } = await this.client.relations(this.room.roomId, pollId, "m.reference", null, {
        limit: PAGE,
        from,
      });
      for (const event of events) relations.set(event.getTxnId() ?? event.getId() ?? "", event);
      if (nextBatch === undefined || nextBatch === null) return;
      from = nextBatch;
    }
  }

  /** Votes of one's own that are on their way. */
  private outgoing(pollId: string): MatrixEvent[] {
    return this.sending.items
      .get()
      .filter(({ action, state }) => state !== "refused" && targetOf(action) === pollId)
      .map((item) => localEvent(item, this.room.myUserId));
  }

  private compute(poll: PollQuestion, creator: string, relations: readonly MatrixEvent[], loading: boolean): PollState {
    const { room } = this;
    const me = room.myUserId;
    const all = relations.filter((event) => !event.isRedacted());
    const ends = all.filter((event) => isOf(POLL_END, event) && this.mayClose(event.getSender(), creator));
    const closedAt = ends.length === 0 ? undefined : Math.min(...ends.map((event) => event.getTs()));
    const responses = all
      .filter((event) => isOf(POLL_RESPONSE, event))
      .map((event) => ({
        sender: event.getSender() ?? "",
        timestamp: event.getTs(),
        answers: readResponse(event.getContent()),
      }));
    const votes = countVotes(poll, responses, closedAt);
    const mine = votes.get(me) ?? [];
    return {
      loading,
      closed: closedAt !== undefined,
      mine,
      voters: votes.size,
      answers: poll.answers.map(({ id }) => {
        const voters = [...votes].filter(([, chosen]) => chosen.includes(id)).map(([sender]) => sender);
        return { id, count: voters.length, people: voters.slice(0, VOTERS).map((userId) => personOf(room, userId)) };
      }),
      can: {
        vote: room.getMyMembership() === "join" && room.currentState.maySendMessage(me),
        close: closedAt === undefined && this.mayClose(me, creator),
      },
    };
  }

  /** Whoever made a poll, or could delete it, may close it. */
  private mayClose(userId: string | undefined, creator: string): boolean {
    if (userId === undefined) return false;
    const power = this.room.getMember(userId)?.powerLevel ?? 0;
    return userId === creator || this.room.currentState.hasSufficientPowerLevelFor("redact", power);
  }
}

function isOf(types: readonly string[], event: MatrixEvent): boolean {
  return types.includes(event.getType());
}
