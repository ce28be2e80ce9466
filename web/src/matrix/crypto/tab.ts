/**
 * Which of several tabs runs the client: the stores of the messages and of the keys bear one user at a time (the
 * encryption engine loses keys otherwise). A Web Lock decides where there are any; without HTTPS there are none, and the
 * tabs ask each other. This module comes before the sign-in screen and knows nothing of the SDK.
 */
import { CLIENT_LOCK, WORKER_LOCK } from "../../sw/locks.ts";

/** What a tab is to the others. */
export interface TabHooks {
  /** Another tab wants to run the client: stop everything, and resolve once the stores are closed. */
  giveWay(): Promise<void>;
  /** The client may be started here: the tab that ran it is gone. */
  free(): void;
}

export interface Tab {
  /** True when this tab runs the client from now on. */
  claim(): Promise<boolean>;
  /** Asks the other tab to give way, and runs the client here. */
  take(): Promise<void>;
  /** Lets others run the client, after signing out. */
  release(): void;
}

/** How long a tab that was asked to give way may take; one that is frozen never answers. */
export const PATIENCE_MS = 4000;
/** How long a tab waits for the answer of another one that runs the client, or for one that is just giving way. */
const ANSWER_MS = 250;

export function createTab(hooks: TabHooks): Tab {
  if ("locks" in navigator) return new LockedTab(hooks, navigator.locks, new BroadcastChannel(CLIENT_LOCK));
  if ("BroadcastChannel" in globalThis) return new AskingTab(hooks, new BroadcastChannel(CLIENT_LOCK));
  return { claim: async () => true, take: async () => undefined, release: () => undefined };
}

/** One lock, held while the client runs. */
export class LockedTab implements Tab {
  private unlock: (() => void) | undefined;
  private taking: Promise<void> | undefined;
  private claiming: Promise<boolean> | undefined;

  constructor(
    private readonly hooks: TabHooks,
    private readonly locks: LockManager,
    private readonly channel: BroadcastChannel,
  ) {
    channel.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (data === "give way" && this.unlock !== undefined) void this.yield();
      if (data === "free") this.offer();
    });
    // The browser frees the lock of a page that is gone; the others are told to look.
    window.addEventListener("pagehide", () => this.unlock !== undefined && channel.postMessage("free"));
    document.addEventListener("visibilitychange", () => this.offer());
  }

  async claim(): Promise<boolean> {
    if (this.taking !== undefined) await this.taking;
    if (this.unlock !== undefined) return true;
    this.claiming ??= this.wait().finally(() => {
      this.claiming = undefined;
    });
    return this.claiming;
  }

  take(): Promise<void> {
    this.taking ??= this.ask().finally(() => {
      this.taking = undefined;
    });
    return this.taking;
  }

  release(): void {
    if (this.unlock === undefined) return;
    this.unlock();
    this.channel.postMessage("free");
  }

  /** The lock of a tab that has just given way is free in a moment. */
  private async wait(): Promise<boolean> {
    const soon = this.request({ signal: AbortSignal.timeout(ANSWER_MS) }).catch((error: unknown) => {
      if (error instanceof Error && error.name === "TimeoutError") return false;
      throw error;
    });
    if (await soon) return true;
    // The service worker may be reading a message: it lets go in a moment, and takes nothing while this lock is held.
    return this.locks.request(WORKER_LOCK, () => this.request({ ifAvailable: true }));
  }

  private async ask(): Promise<void> {
    await this.claiming;
    if (this.unlock !== undefined) return;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    try {
      const granted = this.request({ signal: patience.signal });
      this.channel.postMessage("give way");
      await granted;
    } catch (error) {
      if (!patience.signal.aborted) throw error;
      await this.request({ steal: true });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when it is known whether the lock is held here; it then stays so until {@link unlock}. */
  private request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const hold = (lock: Lock | null) => {
        resolve(lock !== null);
        if (lock === null) return undefined;
        return new Promise<void>((done) => {
          this.unlock = () => {
            this.unlock = undefined;
            done();
          };
        });
      };
      this.locks.request(CLIENT_LOCK, options, hold).catch((error: unknown) => {
        // A tab that did not answer, for it was frozen, finds its lock taken by force.
        if (this.unlock !== undefined) void this.yield();
        else reject(error);
      });
    });
  }

  private async yield(): Promise<void> {
    await this.hooks.giveWay();
    this.unlock?.();
  }

  /** A tab in sight goes on by itself when the one that ran the client has been closed. */
  private offer(): void {
    if (this.unlock === undefined && this.taking === undefined && !document.hidden) this.hooks.free();
  }
}

type Word = { word: "who runs it?" | "I do" | "give way" | "done" | "free"; from: string; to?: string };

/** Tabs that ask each other. Whoever claims last by hand wins; of two that start at once, the lower name. */
export class AskingTab implements Tab {
  private running = false;
  private readonly name = Math.random().toString(36).slice(2);
  private readonly waiting = new Map<Word["word"], () => void>();

  constructor(
    private readonly hooks: TabHooks,
    private readonly channel: BroadcastChannel,
    private readonly patience = PATIENCE_MS,
  ) {
    channel.addEventListener("message", ({ data }: MessageEvent<Word>) => this.hear(data));
    window.addEventListener("pagehide", () => this.release());
    document.addEventListener("visibilitychange", () => this.offer());
  }

  async claim(): Promise<boolean> {
    if (this.running) return true;
    // Running from here on, so that of two tabs that ask at the same time each hears of the other.
    this.running = true;
    const taken = this.hears("I do", ANSWER_MS);
    this.say("who runs it?");
    this.running = !(await taken);
    return this.running;
  }

  async take(): Promise<void> {
    if (this.running) return;
    const done = this.hears("done", this.patience);
    this.say("give way");
    await done;
    this.running = true;
  }

  release(): void {
    if (!this.running) return;
    this.running = false;
    this.say("free");
  }

  private hear({ word, from, to }: Word): void {
    if (to !== undefined && to !== this.name) return;
    switch (word) {
      case "who runs it?":
        if (this.running && (this.waiting.get("I do") === undefined || this.name < from)) this.say("I do", from);
        break;
      case "give way":
        if (this.running) void this.yield();
        break;
      case "free":
        this.offer();
        break;
      default:
        this.waiting.get(word)?.();
    }
  }

  private async yield(): Promise<void> {
    this.running = false;
    await this.hooks.giveWay();
    this.say("done");
  }

  private offer(): void {
    if (!this.running && !document.hidden) this.hooks.free();
  }

  private hears(word: Word["word"], within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (heard: boolean) => {
        clearTimeout(timer);
        this.waiting.delete(word);
        resolve(heard);
      };
      const timer = setTimeout(() => end(false), within);
      this.waiting.set(word, () => end(true));
    });
  }

  private say(word: Word["word"], to?: string): void {
    this.channel.postMessage({ word, from: this.name, to } satisfies Word);
  }
}
