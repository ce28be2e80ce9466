/**
 * What people in a call say without words: a raised hand (a reaction to their membership, taken back by a redaction) and
 * reactions that pass, in the form that Element Call gave them.
 */
import { type MatrixClient, type MatrixEvent, RelationType, type Room, RoomEvent } from "matrix-js-sdk/lib/matrix.js";
import { CALL_MEMBER } from "../../lib/callmembers.ts";
import type { CallReaction } from "./types.ts";

const HAND = "🖐️";
const REACTION = "io.element.call.reaction";
/** How long a reaction is seen, in milliseconds, and how many at once. */
const SEEN_FOR = 4_000;
const AT_ONCE = 20;
/** What another client calls an emoji may be anything; this much of it is shown. */
const LONGEST = 12;

export class Signs {
  reactions: readonly CallReaction[] = [];
  /** Events in which people have raised a hand: by user, when, and which event. */
  private readonly hands = new Map<string, { id: string; at: number }>();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    /** The event that says that this device is in the call. */
    private readonly own: () => string | undefined,
    private readonly changed: () => void,
  ) {}

  watch(): () => void {
    const { room } = this;
    for (const event of room.getLiveTimeline().getEvents()) this.hear(event, false);
    const onTimeline = (event: MatrixEvent, _room?: Room, toStart?: boolean) => {
      if (toStart !== true) void this.decrypted(event).then(() => this.hear(event, true));
    };
    const onRedaction = (redaction: MatrixEvent) =>
      this.forget(redaction.event.redacts ?? redaction.getContent().redacts);
    room.on(RoomEvent.Timeline, onTimeline);
    room.on(RoomEvent.Redaction, onRedaction);
    return () => {
      room.off(RoomEvent.Timeline, onTimeline);
      room.off(RoomEvent.Redaction, onRedaction);
      for (const timer of this.timers) clearTimeout(timer);
      this.reactions = [];
    };
  }

  /** Since when somebody's hand is up who has come at a time: one that was raised before belongs to an earlier visit. */
  handOf(userId: string, since: number): number | undefined {
    const at = this.hands.get(userId)?.at;
    return at !== undefined && at >= since ? at : undefined;
  }

  async setHand(up: boolean): Promise<void> {
    const me = this.client.getSafeUserId();
    const raised = this.hands.get(me);
    const membership = this.own();
    if (up && raised === undefined && membership !== undefined) {
      const relation = { rel_type: RelationType.Annotation, event_id: membership, key: HAND };
      const content = { "m.relates_to": relation };
      const { event_id: id } = await this.client.sendEvent(this.room.roomId, "m.reaction" as never, content as never);
      this.hands.set(me, { id, at: Date.now() });
    } else if (!up && raised !== undefined) {
      this.hands.delete(me);
      await this.client.redactEvent(this.room.roomId, raised.id);
    }
    this.changed();
  }

  async react(emoji: string): Promise<void> {
    const membership = this.own();
    if (membership === undefined) return;
    const relation = { rel_type: RelationType.Reference, event_id: membership };
    const content = { "m.relates_to": relation, emoji, name: emoji };
    await this.client.sendEvent(this.room.roomId, REACTION as never, content as never);
  }

  private async decrypted(event: MatrixEvent): Promise<void> {
    if (event.isEncrypted()) await this.client.decryptEventIfNeeded(event).catch(() => undefined);
  }

  private hear(event: MatrixEvent, news: boolean): void {
    const [id, sender, about] = [event.getId(), event.getSender(), event.relationEventId];
    // Local echoes come again with the id that the server gave them.
    if (id?.startsWith("$") !== true || sender === undefined || about === undefined || event.isRedacted()) return;
    const member = this.memberOf(about);
    if (member?.userId !== sender) return;
    const content = event.getContent();
    if (event.getType() === "m.reaction" && content["m.relates_to"]?.key === HAND) {
      this.hands.set(sender, { id, at: event.getTs() });
      this.changed();
    } else if (news && event.getType() === REACTION && typeof content.emoji === "string") {
      this.pass({ id, key: member.key, emoji: [...content.emoji].slice(0, LONGEST).join("") });
    }
  }

  /** Whose membership an event is, if it still stands. */
  private memberOf(eventId: string): { userId: string; key: string } | undefined {
    const event = this.room.currentState.getStateEvents(CALL_MEMBER).find((one) => one.getId() === eventId);
    const userId = event?.getSender();
    const device: unknown = event?.getContent().device_id;
    return userId === undefined || typeof device !== "string" ? undefined : { userId, key: `${userId}:${device}` };
  }

  private forget(id: unknown): void {
    for (const [userId, hand] of this.hands) if (hand.id === id) this.hands.delete(userId);
    this.changed();
  }

  private pass(reaction: CallReaction): void {
    this.reactions = [...this.reactions, reaction].slice(-AT_ONCE);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.reactions = this.reactions.filter((one) => one !== reaction);
      this.changed();
    }, SEEN_FOR);
    this.timers.add(timer);
    this.changed();
  }
}
