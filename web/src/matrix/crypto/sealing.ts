/**
 * The sealing of what the account keeps on the server for its own sessions alone: remarks about people, drafts. The key
 * follows from that of the key backup. It lies in the secret storage, and sessions that verify each other hand it over:
 * every verified session opens what is sealed, and nobody is asked for the recovery key again.
 *
 * Sealed content holds a value for each key that it was sealed with, as the secret storage does. A session writes with the
 * key of the present backup only, and leaves alone what it cannot open: after a reset, who still has the earlier key adds
 * what that holds.
 */
import { readTime } from "../../lib/entries.ts";
import { Observable } from "../../lib/observable.ts";
import type { Envelope, Opened, Slots, Slot } from "../synced.ts";
import { Vault } from "./vault.ts";

/** AES-256-GCM with a key by HKDF-SHA-256; what `data` holds is described in `web/README.md`. */
const ALGORITHM = "im2.sealed.v1";
const PURPOSE = "im2 account data";
/**
 * What this browser has seen sealed, by user id: the types, and {@link SEEN}. From then on nothing is written in the clear.
 * Earlier versions wrote "1" for all types.
 */
const SEALED = "im2.sealed:";
/** The secret storage, or something sealed that may not have been opened. */
const SEEN = "seen";
/** What was sealed with other keys stays for this long, in milliseconds, and so many of it. */
const KEPT_MS = 180 * 86_400_000;
const KEPT = 2;

/** "loading": the engine has not said which keys there are. */
export type SealingState = "loading" | "without-key" | "ready";

/** Where content lies; what is sealed for one place cannot be opened in another. */
interface Place {
  type: string;
  roomId: string | undefined;
  name: string;
}

export class Sealing {
  /** Whether this session can seal with the key of the present backup. */
  readonly state = new Observable<SealingState>("loading");
  /** All that this run has had, by their ids: with the earlier ones content is opened once more. */
  private readonly vaults = new Map<string, Vault>();
  private current: string | undefined;
  /** Other keys that sealed something, after which the server was asked for the present backup. */
  private readonly checked = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private known = "";
  private using: Promise<void> = Promise.resolve();

  constructor(
    private readonly userId: string,
    /**
     * Whether the secret storage is set up, with the key of the backup in it. Nothing is said where only the server says that
     * it is not, though it may be.
     */
    private readonly stored: () => boolean | undefined,
    /** Asks the server whether the key that was used is that of the present backup; rejects where it does not say. */
    private readonly check: () => Promise<boolean>,
    /** What this device remembers. */
    private memory: Pick<Storage, "getItem" | "setItem"> = localStorage,
  ) {}

  /** Leaves what the device remembers alone from now on: who signs out leaves no trace, also of what is under way. */
  stop(): void {
    let words = this.memory.getItem(SEALED + this.userId);
    this.memory = {
      getItem: () => words,
      setItem: (_, value) => {
        words = value;
      },
    };
  }

  /** Whether content is to be sealed, now or as soon as there is a key. */
  get wanted(): boolean {
    if (this.stored() === true) this.remember(SEEN);
    return this.remembered.length > 0;
  }

  private get remembered(): string[] {
    return (this.memory.getItem(SEALED + this.userId) ?? "").split(" ").filter((word) => word !== "");
  }

  private remember(word: string): void {
    const { remembered } = this;
    if (!remembered.includes(word)) this.memory.setItem(SEALED + this.userId, [...remembered, word].join(" "));
  }

  /** Whether content may stand on the server in the clear: drafts of rooms that are not encrypted until more is known. */
  private plain(roomId: string | undefined): boolean {
    return !this.wanted && (roomId !== undefined || this.stored() === false);
  }

  /** Tells when something can be opened or written that could not be before, or has to be written otherwise. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * The private key of the backup, if this session has it, and whether it is that of the present backup: not until that is
   * known something is written with it.
   */
  use(secret: Uint8Array | null, current: boolean | undefined): Promise<void> {
    this.using = this.using.then(() => this.take(secret, current)).catch((error) => console.warn("no sealing", error));
    return this.using;
  }

  /** There is no engine, so no key. */
  unavailable(): void {
    this.state.set("without-key");
    this.tell();
  }

  /** How a type of account data is sealed, that of a room where one is named. */
  envelope(type: string, roomId?: string): Envelope {
    const place: Place = {
      type,
      roomId,
      name: [this.userId, type, ...(roomId === undefined ? [] : [roomId])].join(" "),
    };
    return {
      open: (content) => this.open(content, place),
      seal: (content, opened) => this.seal(content, opened, place),
      refuse: () => this.remember(type),
      onChange: (listener) => this.onChange(listener),
    };
  }

  private async take(secret: Uint8Array | null, current: boolean | undefined): Promise<void> {
    let id: string | undefined;
    if (secret !== null && Vault.available) {
      const bytes = Uint8Array.from(secret);
      id = await idOf(bytes);
      if (!this.vaults.has(id)) this.vaults.set(id, new Vault(bytes, PURPOSE));
    }
    this.current = current === true ? id : undefined;
    if (this.current !== undefined) this.state.set("ready");
    else this.state.set(id === undefined || current === false ? "without-key" : "loading");
    const known = [id, current, this.stored(), this.wanted].join(" ");
    if (known === this.known) return;
    this.known = known;
    this.tell();
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }

  private async open(content: object, place: Place): Promise<Opened> {
    if (!isSealed(content)) {
      // Whoever has sealed it does not take what the server may have written in its place.
      const sealed = this.remembered.some((word) => word === place.type || word === "1");
      const outdated = this.wanted && this.current !== undefined;
      if (Object.keys(content).length === 0) return { contents: [content], outdated, forged: false, others: {} };
      if (sealed) return { contents: [], outdated, forged: true, others: {} };
      const believed = !this.wanted;
      return { contents: [content], outdated, forged: false, others: {}, ...(!believed && { doubtful: true }) };
    }
    this.remember(SEEN);
    const slots = content.algorithm === ALGORITHM ? slotsOf(content) : undefined;
    if (slots === undefined) return { contents: [], outdated: false, forged: false };
    const contents: object[] = [];
    const others: Record<string, Slot> = {};
    let outdated = this.current !== undefined && !Object.hasOwn(slots, this.current);
    let forged = false;
    for (const [id, slot] of Object.entries(slots)) {
      const vault = this.vaults.get(id);
      if (vault === undefined) {
        others[id] = slot;
        continue;
      }
      try {
        contents.push(await vault.openText<object>(slot.data, place.name));
        this.remember(place.type);
        outdated ||= this.current !== undefined && id !== this.current;
      } catch {
        // It was not sealed with this key, or not for this place.
        [outdated, forged] = [true, true];
      }
    }
    this.doubt(Object.keys(others));
    return { contents, outdated, forged, others };
  }

  /** Another session has sealed with a key that is not here. Is that the one of the present backup? */
  private doubt(ids: readonly string[]): void {
    const { current } = this;
    const unchecked = ids.filter((id) => !this.checked.has(id));
    if (unchecked.length === 0 || current === undefined) return;
    this.current = undefined;
    this.known = "";
    this.state.set("loading");
    const done = (present: boolean) => {
      for (const id of unchecked) this.checked.add(id);
      if (present) this.current = current;
      this.state.set(present ? "ready" : "without-key");
      this.tell();
    };
    this.check().then(done, (error) => console.warn("the backup cannot be checked", error));
  }

  private async seal(content: object, { others }: Opened, place: Place): Promise<object | undefined> {
    // A newer version has written it.
    if (others === undefined) return undefined;
    if (this.plain(place.roomId)) return content;
    if (!this.wanted) return undefined;
    const id = this.current;
    const vault = id === undefined ? undefined : this.vaults.get(id);
    if (id === undefined || vault === undefined) return undefined;
    const data = await vault.sealText(content, place.name);
    this.remember(place.type);
    const now = Date.now();
    const kept = Object.entries(others)
      .filter(([, { at }]) => now - at < KEPT_MS)
      .sort(([, a], [, b]) => b.at - a.at)
      .slice(0, KEPT);
    return { algorithm: ALGORITHM, sealed: { ...Object.fromEntries(kept), [id]: { data, at: now } } };
  }
}

/** What names a key without telling it. */
async function idOf(secret: BufferSource): Promise<string> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode(`${PURPOSE}: name of the key`);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  const bytes = new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, 64));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function isSealed(content: object): content is { algorithm: string } {
  return typeof (content as { algorithm?: unknown }).algorithm === "string";
}

function slotsOf(content: object): Slots {
  const { sealed } = content as { sealed?: unknown };
  if (typeof sealed !== "object" || sealed === null) return {};
  const slots = Object.entries(sealed).flatMap(([id, slot]: [string, Partial<Slot> | null]): [string, Slot][] => {
    const at = readTime(slot?.at, Date.now());
    return typeof slot?.data === "string" && at !== undefined ? [[id, { data: slot.data, at }]] : [];
  });
  return Object.fromEntries(slots);
}
