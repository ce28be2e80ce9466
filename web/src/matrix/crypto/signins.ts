/**
 * Sessions of the account that have come without this one hearing of them from a person: who signs in with somebody's
 * password is to be noticed. Which are known is kept in this browser, for the server could add to a list that it kept.
 */
import { Observable, type Readable } from "../../lib/observable.ts";
import type { LocalCopy } from "./localcopy.ts";
import type { OwnSession } from "./sessions.ts";

/** The server hears of a new session before the engine knows whether anybody is signed in with it. */
const LOOK_AGAIN_MS = 3000;

export class SignIns {
  /** Those that nobody has said anything about yet, the one used last first. */
  readonly unknown = new Observable<readonly OwnSession[]>([]);
  private known: Set<string> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private looking = Promise.resolve();
  private stopped = false;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly list: () => Promise<readonly OwnSession[]>,
    /** Changes when the sessions have. */
    private readonly changes: Readable<unknown>,
    private readonly copy: LocalCopy | undefined,
  ) {}

  /** Where nothing is kept yet, whoever is here already is known. */
  async start(): Promise<void> {
    const kept = await this.copy?.load();
    if (this.stopped) return;
    const ids = (kept as { known?: unknown } | undefined)?.known;
    if (Array.isArray(ids)) this.known = new Set(ids.filter((id): id is string => typeof id === "string"));
    this.stopListening = this.changes.subscribe(() => this.lookSoon());
    await this.look();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.stopListening();
  }

  /** Somebody has said that these are theirs. */
  acknowledge(): void {
    for (const { id } of this.unknown.get()) this.known?.add(id);
    this.unknown.set([]);
    this.keep();
  }

  private lookSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.look(), LOOK_AGAIN_MS);
  }

  /** One look after the other. */
  private look(): Promise<void> {
    this.looking = this.looking.then(async () => {
      try {
        const sessions = await this.list();
        if (!this.stopped) this.compare(sessions);
      } catch (error) {
        if (!this.stopped) console.warn("the sessions of the account cannot be read", error);
      }
    });
    return this.looking;
  }

  private compare(sessions: readonly OwnSession[]): void {
    const before = this.known ?? new Set(sessions.map(({ id }) => id));
    const unknown: OwnSession[] = [];
    const known = new Set<string>();
    for (const session of sessions) {
      // Only who has the account's identity can verify another session.
      if (session.current || session.trust === "verified" || before.has(session.id)) known.add(session.id);
      else unknown.push(session);
    }
    this.known = known;
    this.unknown.set(unknown);
    this.keep();
  }

  private keep(): void {
    if (this.known !== undefined) this.copy?.save({ known: [...this.known] });
  }
}
