/**
 * One call that this device takes part in: says so in the room (MatrixRTC, by the SDK's session), connects to the media, has
 * keys exchanged where the room is encrypted, and puts all of it together as one state.
 */
import { type MatrixClient, type MatrixEvent, type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk/lib/matrix.js";
import { MembershipManagerEvent } from "matrix-js-sdk/lib/matrixrtc/IMembershipManager.js";
import { MatrixRTCSession, MatrixRTCSessionEvent } from "matrix-js-sdk/lib/matrixrtc/MatrixRTCSession.js";
import { CALL_DECLINE } from "../../lib/calloutcomes.ts";
import { Derived } from "../../lib/observable.ts";
import { localpart } from "../../lib/text.ts";
import { problemOf } from "../errors.ts";
import { personOf } from "../events.ts";
import { fetchTicket, RefusedError } from "./ticket.ts";
import type { Transport } from "./transport.ts";
import { CallKeys, sessionClient } from "./keys.ts";
import { CallMedia, connectProblemOf, lossOf, type Sender, type SoundOptions } from "./media.ts";
import { Signs } from "./signs.ts";
import type {
  CallEnd,
  CallParticipant,
  CallProblem,
  CallState,
  DeviceKind,
  JoinOptions,
  MediaDevice,
} from "./types.ts";

/** A room has one call; clients from before there were slots mean this one, too. */
const SLOT = { application: "m.call", id: "ROOM" };
/** For how long it rings, in milliseconds. */
const RING_MS = 60_000;
/** Leaving does not wait longer for the server, in milliseconds. */
const LEAVE_MS = 5_000;
/** How often a connection that was lost is made anew, and after how long each time, in milliseconds. */
const AGAIN_AFTER = [500, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000];
/** In more people than this a key is not made anew for each who comes or goes. */
const ROTATE_UP_TO = 40;
/** Who was left alone waits this long for the other to come back, in milliseconds. */
const EMPTY_FOR = 2_000;

export class CallSession {
  readonly roomId: string;
  readonly state: Derived<CallState>;
  readonly direct: boolean;
  private readonly session: MatrixRTCSession;
  private readonly media: CallMedia;
  private readonly signs: Signs;
  private readonly keys: CallKeys | undefined;
  private readonly since = Date.now();
  private readonly stops: (() => void)[] = [];
  private tell: () => void = () => undefined;
  private end: CallEnd | undefined;
  /** The connection is being made, for the first time or anew. */
  private phase: "connecting" | "connected" | "reconnecting" = "connecting";
  private ring: { id?: string; until: number } | undefined;
  private wasAnswered = false;
  private attempts = 0;
  private alone: ReturnType<typeof setTimeout> | undefined;
  private ending: Promise<void> | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly transport: Transport,
    private readonly options: JoinOptions & { direct: boolean },
  ) {
    this.roomId = room.roomId;
    this.direct = options.direct;
    this.keys = room.hasEncryptionStateEvent() ? new CallKeys() : undefined;
    this.session = new MatrixRTCSession(sessionClient(client), room, SLOT, {
      // The server has none, and the store of them is left out of this client.
      listenForStickyEvents: false,
      listenForMemberStateEvents: true,
    });
    const changed = () => this.changed();
    const { noiseSuppression, echoCancellation } = options;
    const sound: SoundOptions = { noiseSuppression, echoCancellation };
    this.media = new CallMedia(this.keys, options, sound, changed, (reason) => this.lost(lossOf(reason)));
    this.signs = new Signs(client, room, () => this.ownMembershipId(), changed);
    this.state = new Derived<CallState>(
      () => this.describe(),
      (told) => {
        this.tell = told;
        return () => {
          this.tell = () => undefined;
        };
      },
    );
  }

  /** Connects, and says so in the room. Ends by itself, with the reason in its state, where that cannot be. */
  async start(): Promise<void> {
    if (this.keys !== undefined && this.client.getCrypto() === undefined) return this.fail("no-encryption");
    this.listen();
    await this.session.initialMembershipCalculated;
    await this.media.prepare();
    const devices = this.openDevices();
    try {
      await this.media.connect(await fetchTicket(this.client, this.transport, this.roomId));
    } catch (error) {
      return this.fail(problemOfStart(error));
    }
    if (this.end !== undefined) return;
    this.phase = "connected";
    this.announce();
    this.changed();
    await devices;
  }

  /** Leaves, and says so in the room. */
  leave(end: CallEnd = { how: "left" }): Promise<void> {
    this.ending ??= this.finish(end);
    return this.ending;
  }

  async setMicrophone(on: boolean): Promise<void> {
    await this.media.setMicrophone(on);
  }

  async setCamera(on: boolean): Promise<void> {
    await this.media.setCamera(on);
    if (on && this.session.membershipStatus !== undefined)
      void this.session.updateCallIntent("video").catch(() => undefined);
  }

  async setScreen(on: boolean): Promise<void> {
    await this.media.setScreen(on);
  }

  async setSound(sound: SoundOptions): Promise<void> {
    await this.media.setSound(sound);
  }

  devices(kind: DeviceKind): Promise<readonly MediaDevice[]> {
    return this.media.devices(kind);
  }

  device(kind: DeviceKind): string | undefined {
    return this.media.device(kind);
  }

  setDevice(kind: DeviceKind, id: string): Promise<void> {
    return this.media.setDevice(kind, id);
  }

  playSound(): Promise<void> {
    return this.media.playSound();
  }

  show(key: string, source: "camera" | "screen", element: HTMLVideoElement): () => void {
    return this.media.show(key, source, element);
  }

  setHand(up: boolean): Promise<void> {
    return this.signs.setHand(up);
  }

  react(emoji: string): Promise<void> {
    return this.signs.react(emoji);
  }

  private changed(): void {
    if (this.phase === "connected" || this.phase === "reconnecting") this.watchOthers();
    this.tell();
  }

  /** The microphone and the camera open while the connection is made: the browser may ask about them. */
  private async openDevices(): Promise<void> {
    const { microphone, camera } = this.options;
    if (microphone) await this.media.setMicrophone(true);
    if (camera) await this.media.setCamera(true);
  }

  private announce(): void {
    const { camera, ring } = this.options;
    const first = this.session.memberships.length === 0;
    const userId = this.client.getSafeUserId();
    const deviceId = this.client.getDeviceId() ?? "";
    const focus = { ...this.transport, livekit_alias: this.roomId };
    if (ring && first && this.direct) this.ring = { until: Date.now() + RING_MS };
    this.session.joinRTCSession({ userId, deviceId, memberId: `${userId}:${deviceId}` }, [focus], undefined, {
      callIntent: camera ? "video" : "audio",
      notificationType: ring ? (this.direct ? "ring" : "notification") : undefined,
      notificationLifetimeMs: RING_MS,
      manageMediaKeys: this.keys !== undefined,
      keyRotationParticipantLimit: ROTATE_UP_TO,
    });
    if (this.ring !== undefined) this.after(RING_MS, () => this.noAnswer());
  }

  private listen(): void {
    const { session, room } = this;
    session.on(MatrixRTCSessionEvent.MembershipsChanged, () => this.changed());
    session.on(MembershipManagerEvent.ProbablyLeft, () => this.changed());
    session.on(MatrixRTCSessionEvent.EncryptionKeyChanged, (key, index, _member, identity) =>
      this.keys?.set(key, identity, index),
    );
    session.on(MatrixRTCSessionEvent.MembershipManagerError, (error) => {
      console.error("the call cannot be announced", error);
      this.fail(problemOf(error).kind === "forbidden" ? "forbidden" : "failed");
    });
    session.on(MatrixRTCSessionEvent.DidSendCallNotification, ({ event_id: id }) => {
      if (this.ring !== undefined) this.ring = { ...this.ring, id };
    });
    const members = () => {
      void session.ensureRecalculateSessionMembers();
      this.changed();
    };
    const onTimeline = (event: MatrixEvent) => {
      if (this.ring?.id === undefined || event.relationEventId !== this.ring.id) return;
      void this.client
        .decryptEventIfNeeded(event)
        .catch(() => undefined)
        .then(() => event.getType() === CALL_DECLINE && this.declined(event.getSender()));
    };
    room.on(RoomStateEvent.Events, members);
    room.on(RoomEvent.Timeline, onTimeline);
    room.on(RoomEvent.MyMembership, this.removed);
    window.addEventListener("pagehide", this.hidden);
    this.stops.push(
      () => room.off(RoomStateEvent.Events, members),
      () => room.off(RoomEvent.Timeline, onTimeline),
      () => room.off(RoomEvent.MyMembership, this.removed),
      () => window.removeEventListener("pagehide", this.hidden),
      this.signs.watch(),
    );
  }

  /** Whoever is put out of the room is out of its call. */
  private readonly removed = (): void => {
    if (this.room.getMyMembership() !== "join") this.fail("removed");
  };

  /** The page is closed: the server is told at once, and where that fails, it finds out by itself within seconds. */
  private readonly hidden = (): void => {
    const { delayId } = this.session;
    if (delayId !== undefined) void this.client._unstable_sendScheduledDelayedEvent(delayId).catch(() => undefined);
    void this.leave();
  };

  private declined(sender: string | undefined): void {
    if (!this.direct || this.wasAnswered || sender === undefined || sender === this.client.getUserId()) return;
    void this.leave({ how: "declined" });
  }

  private noAnswer(): void {
    this.ring = undefined;
    if (this.direct && !this.wasAnswered) void this.leave({ how: "unanswered" });
    else this.changed();
  }

  /** Of a direct chat, the one who is left alone hangs up, too. */
  private watchOthers(): void {
    const announced = this.session.memberships.some(({ userId }) => userId !== this.client.getUserId());
    // Whose network fails is taken out of the room's state before their media are given up: they may come back.
    if (announced || this.media.room.remoteParticipants.size > 0) {
      this.wasAnswered = true;
      this.ring = undefined;
      clearTimeout(this.alone);
      this.alone = undefined;
    } else if (this.direct && this.wasAnswered) {
      this.alone ??= this.after(EMPTY_FOR, () => void this.leave({ how: "hung-up" }));
    }
  }

  private after(ms: number, action: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(action, ms);
    this.stops.push(() => clearTimeout(timer));
    return timer;
  }

  private fail(problem: CallProblem): void {
    void this.leave({ how: "failed", problem });
  }

  /** LiveKit has given up, or was told to go. What may come back is connected anew, with a new token. */
  private lost(problem: CallProblem | undefined): void {
    if (this.end !== undefined || this.phase === "connecting") return;
    this.phase = "reconnecting";
    const pause = AGAIN_AFTER[this.attempts++];
    if (problem !== undefined || pause === undefined) this.fail(problem ?? "unreachable");
    else this.after(pause, () => void this.again());
    this.changed();
  }

  private async again(): Promise<void> {
    if (this.end !== undefined) return;
    const { microphone, camera } = this.state.get().me;
    try {
      await this.media.connect(await fetchTicket(this.client, this.transport, this.roomId));
    } catch (error) {
      const problem = problemOfStart(error);
      return problem === "unreachable" || problem === "failed" ? this.lost(undefined) : this.fail(problem);
    }
    this.attempts = 0;
    this.phase = "connected";
    this.session.reemitEncryptionKeys();
    if (microphone) await this.media.setMicrophone(true);
    if (camera) await this.media.setCamera(true);
    this.changed();
  }

  private async finish(end: CallEnd): Promise<void> {
    this.end = end;
    for (const stop of this.stops.splice(0)) stop();
    this.changed();
    const closed = this.media.close().catch(() => undefined);
    await this.session.leaveRoomSession(LEAVE_MS).catch(() => false);
    await this.session.stop();
    await closed;
  }

  private ownMembershipId(): string | undefined {
    const [userId, deviceId] = [this.client.getUserId(), this.client.getDeviceId()];
    return this.session.memberships.find((one) => one.userId === userId && one.deviceId === deviceId)?.eventId;
  }

  private describe(): CallState {
    const senders = new Map(this.media.senders().map((sender) => [sender.identity, sender]));
    const own = `${this.client.getUserId()}:${this.client.getDeviceId()}`;
    const [local] = this.media.senders();
    const others = this.others(own, senders);
    const phase = this.end === undefined ? (this.phase === "connected" ? this.media.connection : this.phase) : "ended";
    return {
      phase,
      ...(this.end === undefined ? {} : { end: this.end }),
      ringing: this.ring !== undefined && this.ring.until > Date.now() && others.length === 0,
      encrypted: phase === "connected" && this.media.allEncrypted,
      since: this.since,
      me: { ...this.participant(own, this.client.getSafeUserId(), local), connecting: false, me: true },
      others,
      maySpeak: this.media.maySpeak,
      deviceProblem: { ...this.media.deviceProblem },
      silenced: phase === "connected" && this.media.silenced,
      reactions: this.signs.reactions,
    };
  }

  /**
   * Those who have said that they are in the call, whether or not their media are here, and those whose media are here
   * although they have not said so: nobody listens unseen.
   */
  private others(own: string, senders: ReadonlyMap<string, Sender>): readonly CallParticipant[] {
    const found = new Map<string, CallParticipant>();
    for (const { rtcBackendIdentity: key, userId } of this.session.memberships)
      if (key !== own) found.set(key, this.participant(key, userId, senders.get(key)));
    // Media of people who are not in the room are nobody's here.
    for (const key of senders.keys()) {
      const userId = key.slice(0, key.lastIndexOf(":"));
      if (key === own || key === "" || found.has(key) || !this.room.hasMembershipState(userId, "join")) continue;
      found.set(key, this.participant(key, userId, senders.get(key)));
    }
    return [...found.values()];
  }

  private participant(key: string, userId: string, sender: Sender | undefined): CallParticipant {
    const known = this.room.getMember(userId);
    const person = known === null ? { id: userId, name: localpart(userId) } : personOf(this.room, userId);
    const membership = this.session.memberships.find((one) => one.rtcBackendIdentity === key);
    const hand = this.signs.handOf(userId, membership?.createdTs() ?? this.since);
    const { microphone = false, camera = false, screen = false, speaking = false, quality = "unknown" } = sender ?? {};
    return {
      key,
      person,
      connecting: sender === undefined,
      microphone,
      camera,
      screen,
      speaking,
      quality,
      ...(sender?.unreadable === undefined ? {} : { unreadable: sender.unreadable }),
      ...(hand === undefined ? {} : { hand }),
    };
  }
}

function problemOfStart(error: unknown): CallProblem {
  if (error instanceof RefusedError) {
    if (error.status === 403 || error.status === 401) return "forbidden";
    if (error.status === 404) return "refused";
    return error.status === 429 || error.status >= 500 ? "unreachable" : "refused";
  }
  return problemOf(error).kind === "offline" ? "unreachable" : connectProblemOf(error);
}
