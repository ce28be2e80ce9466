/**
 * Tries again to read what could not be read. Keys come to the backup some seconds after they were made, and the SDK asks
 * it for each of them once: whoever verifies a new session in that moment would not read the newest messages until the
 * page is loaded again.
 */
import { type MatrixClient, type MatrixEvent, MatrixEventEvent } from "matrix-js-sdk/lib/matrix.js";
import { CryptoEvent, DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api/index.js";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";

/** After how long, one attempt after the other. The first is longer than the SDK leaves a key alone for. */
const DELAYS_MS = [6_000, 12_000, 30_000, 120_000, 600_000];
/** Keys that are waited for at most. The oldest are given up. */
const MOST = 200;

interface Waiting {
  event: MatrixEvent;
  attempts: number;
  /** Nothing once all attempts were made. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Healing {
  /** By the session that a message was encrypted with: its key makes all of its messages readable. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly onDecrypted = (event: MatrixEvent) => this.consider(event);
  /** The backup can be read from now on: all attempts are due again. */
  private readonly again = () => {
    for (const [session, known] of this.waiting) {
      clearTimeout(known.timer);
      known.attempts = 0;
      known.timer = this.later(session, 0);
    }
  };

  constructor(
    private readonly client: MatrixClient,
    private readonly delays: readonly number[] = DELAYS_MS,
  ) {
    client.on(MatrixEventEvent.Decrypted, this.onDecrypted);
    client.on(CryptoEvent.KeyBackupStatus, this.again);
    client.on(CryptoEvent.KeyBackupDecryptionKeyCached, this.again);
  }

  stop(): void {
    this.client.off(MatrixEventEvent.Decrypted, this.onDecrypted);
    this.client.off(CryptoEvent.KeyBackupStatus, this.again);
    this.client.off(CryptoEvent.KeyBackupDecryptionKeyCached, this.again);
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
    this.waiting.clear();
  }

  private consider(event: MatrixEvent): void {
    const session = sessionOf(event);
    if (session === undefined) return;
    const known = this.waiting.get(session);
    if (!isMissingKey(event)) {
      // Read: others of the same session follow by themselves.
      if (known !== undefined && !event.isDecryptionFailure()) this.forget(session);
      return;
    }
    // Its own next attempt is on its way.
    if (known !== undefined) return;
    if (this.waiting.size >= MOST) this.forget(this.waiting.keys().next().value);
    this.waiting.set(session, { event, attempts: 0, timer: this.later(session, 0) });
  }

  private later(session: string, attempts: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => void this.attempt(session), this.delays[attempts]);
  }

  private async attempt(session: string): Promise<void> {
    const known = this.waiting.get(session);
    if (known === undefined) return;
    const crypto = this.client.getCrypto() as CryptoBackend | undefined;
    if (crypto !== undefined && isMissingKey(known.event)) {
      await known.event.attemptDecryption(crypto, { isRetry: true }).catch(() => undefined);
    }
    if (this.waiting.get(session) !== known) return;
    known.attempts += 1;
    known.timer = undefined;
    if (!isMissingKey(known.event)) this.forget(session);
    else if (known.attempts < this.delays.length) known.timer = this.later(session, known.attempts);
  }

  private forget(session: string | undefined): void {
    const known = session === undefined ? undefined : this.waiting.get(session);
    if (session === undefined || known === undefined) return;
    clearTimeout(known.timer);
    this.waiting.delete(session);
  }
}

function sessionOf(event: MatrixEvent): string | undefined {
  const { session_id: session } = event.getWireContent();
  return typeof session === "string" ? `${event.getRoomId()} ${session}` : undefined;
}

/** Whether it could be read with a key that may still come. */
function isMissingKey(event: MatrixEvent): boolean {
  switch (event.decryptionFailureReason) {
    case DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID:
    case DecryptionFailureCode.OLM_UNKNOWN_MESSAGE_INDEX:
    case DecryptionFailureCode.HISTORICAL_MESSAGE_NO_KEY_BACKUP:
    case DecryptionFailureCode.HISTORICAL_MESSAGE_BACKUP_UNCONFIGURED:
    case DecryptionFailureCode.HISTORICAL_MESSAGE_WORKING_BACKUP:
      return event.isDecryptionFailure();
    default:
      return false;
  }
}
