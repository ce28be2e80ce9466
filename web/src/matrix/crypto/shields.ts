/** What is to be known of the origin of single messages: nothing, for most. */
import type { MatrixClient, MatrixEvent, Room } from "matrix-js-sdk/lib/matrix.js";
import { CryptoEvent, EventShieldColour, EventShieldReason } from "matrix-js-sdk/lib/crypto-api/index.js";
import type { Shield } from "../types.ts";
import type { Engine } from "./gate.ts";

interface Known {
  /** The state of trust in the sender that this was found out in. */
  version: number;
  shield: Shield | undefined;
}

export class Shields {
  private readonly known = new WeakMap<MatrixEvent, Known>();
  private readonly versions = new Map<string, number>();
  private readonly listeners = new Set<(roomId: string | undefined) => void>();

  constructor(
    client: MatrixClient,
    private readonly engine: Promise<Engine>,
  ) {
    client.on(CryptoEvent.UserTrustStatusChanged, (userId) => this.doubt([userId]));
    client.on(CryptoEvent.DevicesUpdated, (userIds) => this.doubt(userIds));
  }

  /** What is known of a message so far; more is found out, and told to who listens. */
  of(event: MatrixEvent, room: Room): Shield | undefined {
    if (!room.hasEncryptionStateEvent() || event.isState() || event.isRedacted()) return undefined;
    if (event.getId()?.startsWith("$") !== true || event.isDecryptionFailure()) return undefined;
    if (!event.isEncrypted()) return wasInClear(event, room) ? "in-clear" : undefined;
    if (event.getClearContent() === null) return undefined;
    const version = this.versions.get(event.getSender() ?? "") ?? 0;
    const known = this.known.get(event);
    if (known?.version !== version) {
      // Found out once for each state of trust, not each time that somebody asks.
      this.known.set(event, { version, shield: known?.shield });
      void this.look(event, room, version).catch(() => undefined);
    }
    return known?.shield;
  }

  /** Told when something of a room was found out, or of any. */
  onChange(listener: (roomId: string | undefined) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async look(event: MatrixEvent, room: Room, version: number): Promise<void> {
    const crypto = await this.engine;
    const info = await crypto?.getEncryptionInfoForEvent(event);
    if (crypto === undefined || info === undefined || info === null) return;
    let shield = info.shieldColour === EventShieldColour.NONE ? undefined : SHIELDS[info.shieldReason ?? 0];
    if (shield === "unverified-session" || shield === "unknown-session") {
      // Of people whom nobody has verified one knows no better.
      const sender = await crypto.getUserVerificationStatus(event.getSender() ?? "");
      if (!sender.isCrossSigningVerified()) shield = undefined;
    }
    const before = this.known.get(event);
    if (before?.version === version && before.shield === shield) return;
    this.known.set(event, { version, shield });
    for (const listener of this.listeners) listener(room.roomId);
  }

  private doubt(userIds: readonly string[]): void {
    for (const userId of userIds) this.versions.set(userId, (this.versions.get(userId) ?? 0) + 1);
    for (const listener of this.listeners) listener(undefined);
  }
}

const SHIELDS: Partial<Record<EventShieldReason, Shield>> = {
  [EventShieldReason.UNSIGNED_DEVICE]: "unverified-session",
  [EventShieldReason.UNKNOWN_DEVICE]: "unknown-session",
  [EventShieldReason.AUTHENTICITY_NOT_GUARANTEED]: "not-guaranteed",
  [EventShieldReason.VERIFICATION_VIOLATION]: "identity-changed",
  [EventShieldReason.MISMATCHED_SENDER]: "wrong-sender",
};

/** Messages from before the room was encrypted are as they should be. */
function wasInClear(event: MatrixEvent, room: Room): boolean {
  const type = event.getType();
  if (type !== "m.room.message" && type !== "m.sticker") return false;
  const since = room.currentState.getStateEvents("m.room.encryption", "")?.getTs() ?? Number.POSITIVE_INFINITY;
  return event.getTs() > since;
}
