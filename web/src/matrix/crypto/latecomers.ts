/**
 * People who were written to before they had a session that could be given keys: whoever is invited gets the keys to what
 * was said (MSC4268) for the sessions that they have signed by then, and a new account has none before its first sign-in. Who
 * has invited them gives them the keys once they have come.
 */
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  type RoomMember,
  RoomMemberEvent,
} from "matrix-js-sdk/lib/matrix.js";
import type { LocalCopy } from "./localcopy.ts";

/** How long somebody is waited for, in milliseconds, and how many of them. */
const PATIENCE_MS = 90 * 86_400_000;
const AT_MOST = 500;

interface Awaited {
  roomId: string;
  userId: string;
  /** When they were invited. */
  at: number;
}

type Engine = Pick<CryptoBackend, "getUserDeviceInfo" | "getDeviceVerificationStatus" | "shareRoomHistoryWithUser">;

export class Latecomers {
  private awaited: Awaited[] = [];
  private readonly sharing = new Set<Awaited>();
  /** Who was invited to a room, or has joined one, since the last answer of the server was dealt with. */
  private readonly fresh: { roomId?: string; userId: string }[] = [];
  private stopped = false;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly copy: LocalCopy | undefined,
  ) {}

  async start(engine: Engine): Promise<void> {
    const kept = ((await this.copy?.load()) as { awaited?: unknown } | undefined)?.awaited;
    if (this.stopped) return;
    if (Array.isArray(kept)) this.awaited = kept.filter(isAwaited);
    const { client } = this;
    const onMember = (_event: MatrixEvent, member: RoomMember) => {
      const { userId, roomId, membership } = member;
      if (membership === "invite" && member.events.member?.getSender() === client.getUserId())
        this.fresh.push({ roomId, userId });
      if (membership === "join") this.fresh.push({ userId });
    };
    // Of a new room its members are heard of before the room itself is there.
    const onSync = () => {
      for (const { roomId, userId } of this.fresh.splice(0)) {
        if (roomId === undefined) void this.look(engine, userId);
        else void this.invited(engine, roomId, userId);
      }
    };
    const onDevices = (users: string[]) => {
      for (const userId of users) void this.look(engine, userId);
    };
    client.on(RoomMemberEvent.Membership, onMember);
    client.on(CryptoEvent.DevicesUpdated, onDevices);
    client.on(ClientEvent.Sync, onSync);
    this.stopListening = () => {
      client.off(RoomMemberEvent.Membership, onMember);
      client.off(CryptoEvent.DevicesUpdated, onDevices);
      client.off(ClientEvent.Sync, onSync);
    };
    for (const { userId } of [...this.awaited]) void this.look(engine, userId);
  }

  stop(): void {
    this.stopped = true;
    this.stopListening();
    void this.copy?.stop();
  }

  private async invited(engine: Engine, roomId: string, userId: string): Promise<void> {
    if (this.client.getRoom(roomId)?.hasEncryptionStateEvent() !== true) return;
    if (await hasSignedSession(engine, userId)) return;
    const others = this.awaited.filter((one) => one.roomId !== roomId || one.userId !== userId);
    this.keep([...others, { roomId, userId, at: Date.now() }]);
  }

  /** Somebody may have come, or have signed a session. */
  private async look(engine: Engine, userId: string): Promise<void> {
    const theirs = this.awaited.filter((one) => one.userId === userId && this.hasCome(one) && !this.sharing.has(one));
    if (theirs.length === 0) return;
    for (const one of theirs) this.sharing.add(one);
    try {
      if (!(await hasSignedSession(engine, userId))) return;
      for (const one of theirs) {
        await engine.shareRoomHistoryWithUser(one.roomId, userId);
        this.keep(this.awaited.filter((other) => other !== one));
      }
    } catch (error) {
      if (!this.stopped) console.warn("the keys to what was said before are not shared yet", error);
    } finally {
      for (const one of theirs) this.sharing.delete(one);
    }
  }

  private hasCome({ roomId, userId }: Awaited): boolean {
    return this.client.getRoom(roomId)?.getMember(userId)?.membership === "join";
  }

  private keep(awaited: readonly Awaited[]): void {
    const oldest = Date.now() - PATIENCE_MS;
    this.awaited = awaited.filter(({ at }) => at > oldest).slice(-AT_MOST);
    this.copy?.save({ awaited: this.awaited });
  }
}

/** Whether somebody has a session that they have signed: others are given no keys to what was said before. */
async function hasSignedSession(engine: Engine, userId: string): Promise<boolean> {
  const sessions = (await engine.getUserDeviceInfo([userId], true)).get(userId) ?? new Map<string, unknown>();
  for (const id of sessions.keys()) {
    if ((await engine.getDeviceVerificationStatus(userId, id))?.signedByOwner === true) return true;
  }
  return false;
}

function isAwaited(value: unknown): value is Awaited {
  const { roomId, userId, at } = (value ?? {}) as Partial<Record<keyof Awaited, unknown>>;
  return typeof roomId === "string" && typeof userId === "string" && typeof at === "number";
}
