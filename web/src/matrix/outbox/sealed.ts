/**
 * The outbox of one account on the disk, with what was written for encrypted chats sealed, files as well: nothing of it is
 * to lie there in the clear, not even until it is sent.
 */
import type { Vault } from "../crypto/vault.ts";
import type { Action, Attachment, OutboxItem } from "./item.ts";
import type { OutboxStore } from "./store.ts";

/** Encrypts files; `keys` is what it takes to decrypt them. */
export interface FileCipher<Keys> {
  encrypt(plain: Blob): Promise<{ blob: Blob; keys: Keys }>;
  decrypt(keys: Keys, blob: Blob): Promise<Blob>;
}

/** What is sealed of an item. */
interface Secret<Keys> {
  action: Action;
  files: readonly (Pick<Attachment, "name" | "type" | "uploaded"> & { keys: Keys })[];
}

type Stored = OutboxItem & { sealed?: ArrayBuffer };

const NOTHING: Action = { kind: "event", type: "", content: {} };

export class SealedStore<Keys> implements OutboxStore {
  /** Files are written once, while their item changes. */
  private readonly keys = new Map<string, readonly Keys[]>();

  constructor(
    private readonly store: OutboxStore,
    private readonly vault: Vault,
    private readonly cipher: FileCipher<Keys>,
  ) {}

  async load(): Promise<OutboxItem[]> {
    const items = await Promise.all((await this.store.load()).map((item) => this.opened(item)));
    return items.filter((item) => item !== undefined);
  }

  async add(item: OutboxItem): Promise<void> {
    if (!item.encrypted) return this.store.add(item);
    const files = await Promise.all(item.attachments.map(({ blob }) => this.cipher.encrypt(blob)));
    const keys = files.map((file) => file.keys);
    this.keys.set(item.txnId, keys);
    const blobs = files.map((file) => file.blob);
    await this.store.add(await this.sealed(item, keys, blobs));
  }

  async put(item: OutboxItem): Promise<void> {
    const keys = this.keys.get(item.txnId) ?? (item.attachments.length === 0 ? [] : undefined);
    // No secret; or its files were written by an earlier version, which did not seal.
    if (!item.encrypted || keys === undefined) return this.store.put(item);
    await this.store.put(await this.sealed(item, keys, []));
  }

  remove(item: OutboxItem): Promise<void> {
    this.keys.delete(item.txnId);
    return this.store.remove(item);
  }

  destroy(): Promise<void> {
    return this.store.destroy();
  }

  private async sealed(item: OutboxItem, keys: readonly Keys[], blobs: readonly Blob[]): Promise<Stored> {
    const { txnId, action, attachments } = item;
    const files = attachments.map(({ name, type, uploaded }, at) => ({ name, type, uploaded, keys: keys[at] }));
    const sealed = await this.vault.seal({ action, files }, txnId);
    const bare = attachments.map(
      ({ slot }, at): Attachment => ({ slot, name: "", type: "", blob: blobs[at] ?? new Blob() }),
    );
    return { ...item, action: NOTHING, attachments: bare, sealed };
  }

  /** What another session has sealed can be read by nobody, and sent by nobody. */
  private async opened(stored: Stored): Promise<OutboxItem | undefined> {
    const { sealed, ...item } = stored;
    if (sealed === undefined) return item;
    try {
      const { action, files } = await this.vault.open<Secret<Keys>>(sealed, item.txnId);
      const attachments = await Promise.all(
        item.attachments.map(async ({ slot, blob }, at): Promise<Attachment> => {
          const file = files[at];
          if (file === undefined) throw new Error("a file is missing");
          const { keys, ...known } = file;
          return { ...known, slot, blob: await this.cipher.decrypt(keys, blob) };
        }),
      );
      this.keys.set(
        item.txnId,
        files.map(({ keys }) => keys),
      );
      return { ...item, action, attachments };
    } catch {
      await this.store.remove(item);
      return undefined;
    }
  }
}
