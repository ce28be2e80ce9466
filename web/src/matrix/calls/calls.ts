/**
 * Calls of an account whose server has them: who is in which, what rings, and the one that this device takes part in. What
 * handles media is loaded when somebody joins.
 */
import { ClientEvent, EventType, type MatrixClient, type Room, RoomStateEvent } from "matrix-js-sdk/lib/matrix.js";
import { Derived, Observable } from "../../lib/observable.ts";
import { type PowerLevels, withPermission } from "../../lib/powers.ts";
import { CALL_MEMBER } from "../../lib/callmembers.ts";
import type { Conversations } from "../conversations.ts";
import { personOf } from "../events.ts";
import type { RoomHandle } from "../room.ts";
import type { Transport } from "./transport.ts";
import { callMembers } from "./members.ts";
import { Rings } from "./rings.ts";
import type { CallSession } from "./session.ts";
import type { JoinOptions, Ring, RoomCall } from "./types.ts";

/** How long after a membership has expired its room is looked at again, in milliseconds. */
const AFTER_EXPIRY = 500;
/** The longest time that a browser's timers take, and more than any call without a word. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Calls {
  /** The call that this device takes part in; it stays a moment after its end, to say how it ended. */
  readonly current = new Observable<CallSession | undefined>(undefined);
  readonly rings: Rings;
  private readonly rooms = new Map<string, Derived<RoomCall>>();
  private expiry: ReturnType<typeof setTimeout> | undefined;
  private readonly stopWatching: () => void;

  constructor(
    private readonly client: MatrixClient,
    private readonly conversations: Conversations,
    private readonly transport: Transport,
    private readonly openRoom: (roomId: string) => Promise<RoomHandle | undefined>,
  ) {
    this.rings = new Rings(client, conversations);
    const onState = (event: { getType(): string }) => {
      if (event.getType() !== CALL_MEMBER) return;
      // A sync may bring very many of them.
      clearTimeout(this.expiry);
      this.expiry = setTimeout(this.watchExpiry, 0);
    };
    client.on(RoomStateEvent.Events, onState);
    this.stopWatching = () => client.off(RoomStateEvent.Events, onState);
    this.watchExpiry();
  }

  /** The call of a room. */
  room(roomId: string): Derived<RoomCall> {
    let found = this.rooms.get(roomId);
    if (found === undefined) {
      found = new Derived(
        () => this.describe(roomId),
        (changed) => this.attach(roomId, changed),
      );
      this.rooms.set(roomId, found);
    }
    return found;
  }

  /** Takes part in the call of a room, or begins it. One call at a time: whoever is in another one leaves that. */
  async join(roomId: string, options: JoinOptions): Promise<CallSession> {
    const [{ CallSession }, handle] = await Promise.all([import("./session.ts"), this.openRoom(roomId)]);
    const room = this.client.getRoom(roomId);
    if (handle === undefined || room === null) throw new Error("not in this room");
    await this.current.get()?.leave();
    const direct = this.conversations.get(roomId)?.direct ?? false;
    const session = new CallSession(this.client, room, this.transport, { ...options, direct });
    for (const ring of this.rings.list.get()) if (ring.roomId === roomId) this.rings.silence(ring.id);
    this.current.set(session);
    void session.start();
    return session;
  }

  /** Takes a call off the screen that is over. */
  dismiss(session: CallSession): void {
    if (this.current.get() === session) this.current.set(undefined);
  }

  /** Declines a call that rings, and says why where somebody has written something. */
  async decline(ring: Ring, message = ""): Promise<void> {
    await this.rings.decline(ring);
    if (message === "") return;
    const handle = await this.openRoom(ring.roomId);
    await handle?.sending.send("m.room.message", { msgtype: "m.text", body: message });
  }

  /** Lets everybody in a room take part in its calls. */
  async allow(roomId: string): Promise<void> {
    const event = this.client.getRoom(roomId)?.currentState.getStateEvents(EventType.RoomPowerLevels, "");
    const levels = withPermission((event?.getContent() ?? {}) as PowerLevels, "call", "everybody");
    await this.client.sendStateEvent(roomId, EventType.RoomPowerLevels, levels as never, "");
  }

  async stop(): Promise<void> {
    this.stopWatching();
    clearTimeout(this.expiry);
    this.rings.stop();
    const session = this.current.get();
    this.current.set(undefined);
    await session?.leave();
  }

  private attach(roomId: string, changed: () => void): () => void {
    const { client } = this;
    const room = client.getRoom(roomId);
    const onRoom = (arrived: Room) => {
      if (arrived.roomId === roomId) changed();
    };
    client.on(ClientEvent.Room, onRoom);
    room?.on(RoomStateEvent.Events, changed);
    room?.on(RoomStateEvent.Members, changed);
    const stop = this.conversations.list.subscribe(changed);
    return () => {
      client.off(ClientEvent.Room, onRoom);
      room?.off(RoomStateEvent.Events, changed);
      room?.off(RoomStateEvent.Members, changed);
      stop();
    };
  }

  private describe(roomId: string): RoomCall {
    const room = this.client.getRoom(roomId);
    if (room === null) return { people: [], since: 0, video: false, elsewhere: false, may: "no" };
    const me = this.client.getSafeUserId();
    const device = this.client.getDeviceId();
    const members = callMembers(room);
    const { currentState: state } = room;
    const may = state.maySendStateEvent(CALL_MEMBER, me);
    return {
      people: [...new Set(members.map(({ userId }) => userId))].map((userId) => personOf(room, userId)),
      since: members[0]?.since ?? 0,
      video: members.some(({ video }) => video),
      elsewhere: members.some(({ userId, deviceId }) => userId === me && deviceId !== device),
      may: may ? "yes" : state.maySendStateEvent(EventType.RoomPowerLevels, me) ? "allow" : "no",
    };
  }

  /** Nothing tells of a membership that expires: its room is looked at when it does. */
  private readonly watchExpiry = (): void => {
    clearTimeout(this.expiry);
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    for (const room of this.client.getRooms()) {
      const members = callMembers(room, now);
      for (const { until } of members) next = Math.min(next, until);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.expiry = setTimeout(
      () => {
        this.conversations.touchAll();
        for (const found of this.rooms.values()) found.changed();
        this.watchExpiry();
      },
      Math.min(next - now + AFTER_EXPIRY, LONGEST_TIMER),
    );
  };
}
