/**
 * Stand-ins for what views and view models call: a state gives the values and the answers that matter to it, and whatever
 * else is called is an action that does nothing. Every call is recorded.
 */
import { Derived, Observable } from "../../lib/observable.ts";
import { type Problem, ProblemError } from "../../matrix/errors.ts";

/** What an object offers to others; of a class, all that is not private. */
export type Offered<T> = { [K in keyof T]?: T[K] };

type Action = (...args: unknown[]) => unknown;

/** What was called, in order. */
export class Calls {
  private readonly list: { action: string; args: readonly unknown[] }[] = [];

  add(action: string, args: readonly unknown[]): void {
    this.list.push({ action, args });
  }

  /** The arguments of each call of `directory.join`, for instance. */
  of(action: string): readonly (readonly unknown[])[] {
    return this.list.filter((call) => call.action === action).map(({ args }) => args);
  }
}

/**
 * An object in the place of one of a class. `path` is how its calls are named. An answer can be given later, too, by
 * assigning a function.
 */
export function fake<T extends object>(path: string, calls: Calls, parts: Offered<T> = {}): T {
  const wrapped = new Map<string, { by: unknown; action: Action }>();
  const name = (key: string) => (path === "" ? key : `${path}.${key}`);
  return new Proxy(parts as Record<string | symbol, unknown>, {
    get(target, key) {
      const part = target[key];
      // What asks whether it is a promise, or an element of React, hears no.
      if (typeof key === "symbol" || key === "then" || key === "$$typeof" || key === "toJSON") return part;
      if (key in target && typeof part !== "function") return part;
      const known = wrapped.get(key);
      if (known !== undefined && known.by === part) return known.action;
      const action: Action = (...args) => {
        calls.add(name(key), args);
        return part === undefined ? Promise.resolve() : (part as Action)(...args);
      };
      wrapped.set(key, { by: part, action });
      return action;
    },
  }) as unknown as T;
}

/** A derived value that a story sets. */
export class Held<T> extends Derived<T> {
  private readonly source: Observable<T>;

  constructor(initial: T) {
    const source = new Observable(initial);
    super(source.get, source.subscribe);
    this.source = source;
  }

  set(next: T): void {
    this.source.set(next);
    this.deliver();
  }
}

/** An answer that does not come: what is loading stays so. */
export const never = <T>(): Promise<T> => new Promise(() => undefined);

/** An answer that is a refusal. */
export const refuse = (kind: Exclude<Problem["kind"], "limited">) => async (): Promise<never> => {
  throw new ProblemError({ kind } as Problem);
};
