/** Whether the people in a room are who they were: changed identities, and sessions that their owners do not vouch for. */
import { ClientEvent, type MatrixClient, type Room, RoomMemberEvent } from "matrix-js-sdk/lib/matrix.js";
import { type CryptoApi, CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { Derived, Observable, type Readable } from "../../lib/observable.ts";
import { ProblemError } from "../errors.ts";
import { personOf } from "../events.ts";
import type { Person } from "../types.ts";
import type { Engine } from "./gate.ts";

export type TrustWarning =
  /** Verified by this account, and another identity now: nothing is sent to them until somebody has decided. */
  | { kind: "verified-changed"; person: Person }
  /** Not verified, and another identity than the one seen first. */
  | { kind: "changed"; person: Person }
  /** Uses sessions that they have not verified themselves. */
  | { kind: "sessions"; person: Person; deviceIds: readonly string[] };

export interface PersonTrust {
  /** They have an identity that can be verified. */
  identity: boolean;
  verified: boolean;
}

/** In larger rooms warnings would come and go all day, and say nothing. */
const MAX_MEMBERS = 50;
/** By the own user id. */
const DISMISSED = "im2.trust:";

export class Trust {
  private readonly byRoom = new Map<string, Promise<readonly TrustWarning[]>>();
  private readonly shown = new Map<string, Derived<readonly TrustWarning[]>>();
  private readonly marks = new Map<string, Observable<boolean>>();
  /** How often somebody was looked at. */
  private readonly looks = new Map<string, number>();
  private readonly latest = new Map<string, readonly TrustWarning[]>();

  constructor(
    private readonly client: MatrixClient,
    private readonly engine: Promise<Engine>,
  ) {
    const all = () => this.changed();
    client.on(CryptoEvent.UserTrustStatusChanged, (userId) => {
      all();
      if (this.marks.has(userId)) void this.lookAt(userId);
    });
    client.on(CryptoEvent.DevicesUpdated, all);
    client.on(RoomMemberEvent.Membership, (_event, member) => this.changed(member.roomId));
    client.on(ClientEvent.Room, (room) => this.changed(room.roomId));
    void engine.then(all);
  }

  /** What a conversation warns of. */
  warnings(roomId: string): Readable<readonly TrustWarning[]> {
    let found = this.shown.get(roomId);
    if (found === undefined) {
      found = new Derived(
        () => this.latest.get(roomId) ?? [],
        () => {
          void this.check(roomId);
          return () => undefined;
        },
      );
      this.shown.set(roomId, found);
    }
    return found;
  }

  /** Refuses to send to somebody who was verified and is another one now. */
  async refuseViolations(room: Room): Promise<void> {
    const warnings = await this.check(room.roomId);
    if (warnings.some(({ kind }) => kind === "verified-changed")) throw new ProblemError({ kind: "identity-changed" });
  }

  /** Takes a warning back: the new identity is accepted, or the sessions are known. */
  async accept(warning: TrustWarning): Promise<void> {
    const crypto = await this.engine;
    const { person } = warning;
    if (warning.kind === "sessions") dismiss(this.client.getSafeUserId(), person.id, warning.deviceIds);
    else if (warning.kind === "changed") await crypto?.pinCurrentUserIdentity(person.id);
    else await crypto?.withdrawVerificationRequirement(person.id);
    this.changed();
  }

  /** Whether somebody is verified, as it changes. */
  verified(userId: string): Readable<boolean> {
    let mark = this.marks.get(userId);
    if (mark === undefined) {
      mark = new Observable(false);
      this.marks.set(userId, mark);
      void this.lookAt(userId);
    }
    return mark;
  }

  private async lookAt(userId: string): Promise<void> {
    const look = (this.looks.get(userId) ?? 0) + 1;
    this.looks.set(userId, look);
    const crypto = await this.engine;
    const status = await crypto?.getUserVerificationStatus(userId).catch(() => undefined);
    // What an earlier look finds later is older.
    if (this.looks.get(userId) === look) this.marks.get(userId)?.set(status?.isCrossSigningVerified() === true);
  }

  async of(userId: string): Promise<PersonTrust> {
    const crypto = await this.engine;
    if (crypto === undefined) return { identity: false, verified: false };
    const identity = await crypto.userHasCrossSigningKeys(userId, true);
    return { identity, verified: (await crypto.getUserVerificationStatus(userId)).isVerified() };
  }

  private changed(roomId?: string): void {
    if (roomId === undefined) this.byRoom.clear();
    else this.byRoom.delete(roomId);
    for (const id of roomId === undefined ? this.shown.keys() : [roomId]) if (this.shown.has(id)) void this.check(id);
  }

  private check(roomId: string): Promise<readonly TrustWarning[]> {
    const known = this.byRoom.get(roomId);
    if (known !== undefined) return known;
    const looking = this.look(roomId).catch(() => []);
    this.byRoom.set(roomId, looking);
    void looking.then((warnings) => {
      if (this.byRoom.get(roomId) !== looking) return;
      this.latest.set(roomId, warnings);
      this.shown.get(roomId)?.changed();
    });
    return looking;
  }

  private async look(roomId: string): Promise<readonly TrustWarning[]> {
    const crypto = await this.engine;
    const room = this.client.getRoom(roomId);
    if (crypto === undefined || room === null || !room.hasEncryptionStateEvent()) return [];
    if (room.getInvitedAndJoinedMemberCount() > MAX_MEMBERS) return [];
    const others = room.getMembers().filter(({ userId, membership }) => {
      return userId !== room.myUserId && (membership === "join" || membership === "invite");
    });
    const found = await Promise.all(others.map(({ userId }) => warningAbout(crypto, room, userId)));
    return found.filter((warning) => warning !== undefined);
  }
}

async function warningAbout(crypto: CryptoApi, room: Room, userId: string): Promise<TrustWarning | undefined> {
  const status = await crypto.getUserVerificationStatus(userId);
  const person = personOf(room, userId);
  if (status.wasCrossSigningVerified() && !status.isCrossSigningVerified()) return { kind: "verified-changed", person };
  if (status.needsUserApproval) return { kind: "changed", person };
  // Of people whom nobody has verified one knows no better; and bots have no identity at all.
  if (!status.isCrossSigningVerified()) return undefined;
  const devices = (await crypto.getUserDeviceInfo([userId])).get(userId) ?? new Map();
  const unknown: string[] = [];
  for (const [deviceId, device] of devices) {
    const trust = await crypto.getDeviceVerificationStatus(userId, deviceId);
    if (trust !== null && !trust.signedByOwner && device.dehydrated !== true) unknown.push(deviceId);
  }
  const dismissed = readDismissed(room.myUserId)[userId] ?? [];
  const deviceIds = unknown.filter((id) => !dismissed.includes(id)).sort();
  return deviceIds.length === 0 ? undefined : { kind: "sessions", person, deviceIds };
}

type Dismissed = Record<string, readonly string[]>;

function readDismissed(me: string): Dismissed {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(DISMISSED + me) ?? "{}");
    return typeof stored === "object" && stored !== null ? (stored as Dismissed) : {};
  } catch {
    return {};
  }
}

function dismiss(me: string, userId: string, deviceIds: readonly string[]): void {
  const before = readDismissed(me);
  localStorage.setItem(
    DISMISSED + me,
    JSON.stringify({ ...before, [userId]: [...(before[userId] ?? []), ...deviceIds] }),
  );
}
