/**
 * Calls that ring here (MSC4075): from the moment that somebody's notification arrives until it has lasted as long as it
 * says, another session of the account has answered or declined (MSC4310), or whoever calls has gone.
 */
import {
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  type Room,
  RoomEvent,
  RoomStateEvent,
} from "matrix-js-sdk/lib/matrix.js";
import { CALL_MEMBER } from "../../lib/callmembers.ts";
import { readRing } from "../../lib/callnotice.ts";
import { CALL_DECLINE, CALL_NOTICE } from "../../lib/calloutcomes.ts";
import { Observable } from "../../lib/observable.ts";
import type { Conversations } from "../conversations.ts";
import { wantDecrypted } from "../crypto/gate.ts";
import { personOf } from "../events.ts";
import { isMuted } from "../push.ts";
import { callMembers } from "./members.ts";
import type { Ring } from "./types.ts";

/** The membership of who calls comes with the call, or with the next sync, in milliseconds. */
const CALLER_COMES_WITHIN = 4_000;
/** Among how many of the last events of a room a call that began before this client did is looked for. */
const LOOK_BACK = 20;
/** More than this ring nowhere at once. */
const AT_ONCE = 5;

interface Ringing {
  ring: Ring;
  heard: number;
  /** Whoever calls has been seen in the call. */
  seen: boolean;
}

export class Rings {
  readonly list = new Observable<readonly Ring[]>([]);
  private readonly ringing = new Map<string, Ringing>();
  private readonly stops: (() => void)[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly conversations: Conversations,
  ) {
    const onTimeline = (
      event: MatrixEvent,
      room?: Room,
      toStart?: boolean,
      _removed?: boolean,
      data?: { liveEvent?: boolean },
    ) => {
      if (room !== undefined && toStart !== true && data?.liveEvent === true) this.consider(event, room);
    };
    const onDecrypted = (event: MatrixEvent) => {
      const room = client.getRoom(event.getRoomId());
      if (room !== null) this.hear(event, room);
    };
    const onState = (event: MatrixEvent) => {
      if (event.getType() === CALL_MEMBER) this.update();
    };
    client.on(RoomEvent.Timeline, onTimeline);
    client.on(MatrixEventEvent.Decrypted, onDecrypted);
    client.on(RoomStateEvent.Events, onState);
    this.stops.push(
      () => client.off(RoomEvent.Timeline, onTimeline),
      () => client.off(MatrixEventEvent.Decrypted, onDecrypted),
      () => client.off(RoomStateEvent.Events, onState),
    );
    for (const room of client.getRooms()) if (callMembers(room).length > 0) this.lookBack(room);
  }

  stop(): void {
    for (const stop of this.stops) stop();
    clearTimeout(this.timer);
    this.ringing.clear();
    this.list.set([]);
  }

  /** Tells the caller, and the other sessions of the account. */
  async decline({ id, roomId }: Ring): Promise<void> {
    this.silence(id);
    const content = { "m.relates_to": { rel_type: "m.reference", event_id: id } };
    await this.client.sendEvent(roomId, CALL_DECLINE as never, content as never);
  }

  /** It rings no longer here: it was answered. */
  silence(id: string): void {
    this.ringing.delete(id);
    this.publish();
  }

  private lookBack(room: Room): void {
    for (const event of room.getLiveTimeline().getEvents().slice(-LOOK_BACK)) this.consider(event, room);
  }

  private consider(event: MatrixEvent, room: Room): void {
    if (event.isEncrypted() && event.getType() === "m.room.encrypted") wantDecrypted(this.client, event);
    else this.hear(event, room);
  }

  private hear(event: MatrixEvent, room: Room): void {
    if (event.getType() === CALL_DECLINE && event.getSender() === this.client.getUserId()) {
      this.silence(event.relationEventId ?? "");
    } else if (event.getType() === CALL_NOTICE) {
      const ring = this.ringOf(event, room);
      if (ring === undefined || this.ringing.has(ring.id) || this.ringing.size >= AT_ONCE) return;
      this.ringing.set(ring.id, { ring, heard: Date.now(), seen: false });
      this.update();
    }
  }

  private ringOf(event: MatrixEvent, room: Room): Ring | undefined {
    const me = this.client.getSafeUserId();
    const [id, sender] = [event.getId(), event.getSender()];
    if (id?.startsWith("$") !== true || sender === undefined || sender === me) return undefined;
    if (this.client.isUserIgnored(sender) || isMuted(this.client, room.roomId)) return undefined;
    if (room.getMyMembership() !== "join" || this.isDeclined(room, id)) return undefined;
    const found = readRing(event.getContent(), event.getTs(), {
      me,
      now: Date.now(),
      mayCallAll: room.currentState.mayTriggerNotifOfType("room", sender),
    });
    if (found === undefined) return undefined;
    const conversation = this.conversations.get(room.roomId);
    const caller = personOf(room, sender);
    return {
      id,
      roomId: room.roomId,
      caller,
      room: conversation?.name ?? room.name,
      direct: conversation?.direct ?? false,
      avatar: conversation?.avatar ?? caller.avatar,
      ...found,
    };
  }

  private isDeclined(room: Room, id: string): boolean {
    const me = this.client.getUserId();
    return room
      .getLiveTimeline()
      .getEvents()
      .some((one) => one.getType() === CALL_DECLINE && one.getSender() === me && one.relationEventId === id);
  }

  /** Looks which of them still ring. */
  private readonly update = (): void => {
    const now = Date.now();
    for (const [id, ringing] of this.ringing) if (!this.isAlive(ringing, now)) this.ringing.delete(id);
    this.publish();
    clearTimeout(this.timer);
    const ends = [...this.ringing.values()].map(({ ring, heard, seen }) =>
      seen ? ring.until : Math.min(ring.until, heard + CALLER_COMES_WITHIN),
    );
    if (ends.length > 0) this.timer = setTimeout(this.update, Math.max(50, Math.min(...ends) - now + 10));
  };

  private isAlive(ringing: Ringing, now: number): boolean {
    const { ring, heard } = ringing;
    const room = this.client.getRoom(ring.roomId);
    if (room === null || ring.until <= now) return false;
    const members = callMembers(room, now);
    if (members.some(({ userId }) => userId === this.client.getUserId())) return false;
    if (members.some(({ userId }) => userId === ring.caller.id)) {
      ringing.seen = true;
      return true;
    }
    return !ringing.seen && now - heard < CALLER_COMES_WITHIN;
  }

  private publish(): void {
    const next = [...this.ringing.values()].map(({ ring }) => ring);
    const before = this.list.get();
    if (next.length !== before.length || next.some((ring, index) => ring !== before[index])) this.list.set(next);
  }
}
