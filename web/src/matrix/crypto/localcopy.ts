/**
 * What this browser keeps of account data that the server keeps sealed: it is there before the engine is, and when a new
 * key has not come yet. It is sealed with a key that follows from the session's, and goes with the session.
 */
import { type Session, storedSession } from "../session.ts";
import { storageKeyBytes } from "./storage.ts";
import { Vault } from "./vault.ts";

/** By type and user id, which has removed all that a session leaves here. */
const KEY = "im2.kept:";

export class LocalCopy {
  private readonly key: string;
  private readonly vault: Vault;
  private next: object | undefined;
  private saving = Promise.resolve();
  private stopped = false;

  private constructor(
    private readonly session: Session,
    secret: BufferSource,
    type: string,
  ) {
    this.key = `${KEY}${type}:${session.userId}`;
    this.vault = new Vault(secret, "im2 copy of account data");
  }

  /** None where the browser cannot encrypt: nothing is sealed there. */
  static of(session: Session, type: string): LocalCopy | undefined {
    const secret = storageKeyBytes(session);
    return secret !== undefined && Vault.available ? new LocalCopy(session, secret, type) : undefined;
  }

  async load(): Promise<unknown> {
    const stored = localStorage.getItem(this.key);
    if (stored === null) return undefined;
    // What another session has left, nobody can read any more.
    return this.vault.openText(stored, this.key).catch(() => undefined);
  }

  /** The last of several at once is kept. */
  save(content: object): void {
    if (this.stopped) return;
    if (this.next === undefined) this.saving = this.saving.then(() => this.write());
    this.next = content;
  }

  /** Nothing changes any more; resolves when what was saved is kept. */
  stop(): Promise<void> {
    this.stopped = true;
    return this.saving;
  }

  private async write(): Promise<void> {
    const content = this.next;
    this.next = undefined;
    try {
      const sealed = await this.vault.sealText(content, this.key);
      // Another tab may have ended the session meanwhile.
      const { userId, deviceId } = this.session;
      if (storedSession(userId)?.deviceId === deviceId) localStorage.setItem(this.key, sealed);
    } catch (error) {
      console.warn("account data is not kept here", error);
    }
  }
}
