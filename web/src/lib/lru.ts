/**
 * Object URLs of fetched media, bounded in number. An entry in use is never evicted; what has not been used for the
 * longest time goes first, and its URL is revoked.
 */
interface Entry {
  url: Promise<string>;
  users: number;
}

export class ObjectUrlCache {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly limit: number,
    private readonly load: (key: string) => Promise<Blob>,
  ) {}

  /** The URL for a key, loaded at most once while it is cached. Pair with {@link release}. */
  acquire(key: string): Promise<string> {
    const entry = this.entries.get(key) ?? this.start(key);
    entry.users++;
    this.touch(key, entry);
    return entry.url;
  }

  release(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    entry.users = Math.max(0, entry.users - 1);
    this.evict();
  }

  clear(): void {
    for (const entry of this.entries.values()) revoke(entry);
    this.entries.clear();
  }

  get size(): number {
    return this.entries.size;
  }

  private start(key: string): Entry {
    const entry: Entry = { url: this.load(key).then((blob) => URL.createObjectURL(blob)), users: 0 };
    // A failure is not remembered: the next one who asks tries again.
    entry.url.catch(() => {
      if (this.entries.get(key) === entry) this.entries.delete(key);
    });
    return entry;
  }

  private touch(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.entries.set(key, entry);
    this.evict();
  }

  private evict(): void {
    for (const [key, entry] of this.entries) {
      if (this.entries.size <= this.limit) return;
      if (entry.users > 0) continue;
      this.entries.delete(key);
      revoke(entry);
    }
  }
}

function revoke(entry: Entry): void {
  entry.url.then((url) => URL.revokeObjectURL(url)).catch(() => undefined);
}
