import { deepEqual } from "./equal.ts";

/** Longer than a view takes from its first reading to its watching, in milliseconds. */
const BRIEFLY = 1000;

/** What views watch: `subscribe` and `get` fit React's `useSyncExternalStore`. */
export interface Readable<T> {
  readonly get: () => T;
  readonly subscribe: (listener: () => void) => () => void;
}

class Listeners {
  private readonly set = new Set<() => void>();

  get size(): number {
    return this.set.size;
  }

  add(listener: () => void): void {
    this.set.add(listener);
  }

  delete(listener: () => void): void {
    this.set.delete(listener);
  }

  notify(): void {
    for (const listener of [...this.set]) listener();
  }
}

/** A value that its owner sets. */
export class Observable<T> implements Readable<T> {
  private readonly listeners = new Listeners();

  constructor(private value: T) {}

  readonly get = (): T => this.value;

  set(next: T): void {
    if (Object.is(next, this.value)) return;
    this.value = next;
    this.listeners.notify();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** Starts watching the sources of a derived value; the returned function stops. */
export type Attach = (changed: () => void) => () => void;

/**
 * A value computed from sources that signal changes. It watches them only while somebody watches it, computes at most
 * once per task however many signals arrive, and keeps its identity while the computed value says the same.
 */
export class Derived<T> implements Readable<T> {
  private readonly listeners = new Listeners();
  private detach: (() => void) | undefined;
  private value: { current: T } | undefined;
  /** What the listeners were last told of; others may have read a newer value in between. */
  private delivered: T | undefined;
  private stale = true;
  private scheduled = false;

  constructor(
    private readonly compute: (previous: T | undefined) => T,
    private readonly attach: Attach,
  ) {}

  readonly get = (): T => {
    if (this.value !== undefined && this.detach !== undefined && !this.stale) return this.value.current;
    this.stale = false;
    const next = this.compute(this.value?.current);
    if (this.value === undefined || !deepEqual(this.value.current, next)) this.value = { current: next };
    return this.value.current;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.detach === undefined) {
      this.stale = true;
      this.detach = this.attach(this.changed);
      this.delivered = this.get();
    }
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.detach?.();
      this.detach = undefined;
    };
  };

  /** Says that a source has changed. */
  readonly changed = (): void => {
    this.stale = true;
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => {
      this.scheduled = false;
      this.deliver();
    }, 0);
  };

  /** Tells the listeners now, if something has changed. */
  readonly deliver = (): void => {
    if (this.detach === undefined) return;
    const next = this.get();
    if (next === this.delivered) return;
    this.delivered = next;
    this.listeners.notify();
  };
}

/** Has values that follow from each other tell of a change within the running task: for what a finger waits for. */
export function deliverNow(...sources: Readable<unknown>[]): void {
  for (const source of sources) if (source instanceof Derived) source.deliver();
}

/**
 * Watches a value until the running task and what it renders are over: read several times on the way, it is computed once,
 * and not anew each time as long as nobody has begun to watch it.
 */
export function watchBriefly(source: Readable<unknown>): void {
  const stop = source.subscribe(() => undefined);
  setTimeout(stop, BRIEFLY);
}

/** Watches several sources at once. */
export function attachAll(...sources: Readable<unknown>[]): Attach {
  return (changed) => {
    const stops = sources.map((source) => source.subscribe(changed));
    return () => {
      for (const stop of stops) stop();
    };
  };
}
