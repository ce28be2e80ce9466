/**
 * What a test needs of a browser, whatever its engine. Finding, waiting and looking are done by functions that run in
 * the page (`screen.ts`), so that a driver is only the few commands that a page cannot give itself.
 */
/** One source of input and what it does, as the W3C's WebDriver specification has it. */
export interface InputSource {
  type: "pointer" | "key";
  id: string;
  parameters?: { pointerType: "mouse" | "touch" };
  actions: readonly object[];
}

export interface Driver {
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** Runs a function in the page. It is sent as its text, so it can use nothing but its arguments; those are JSON. */
  evaluate<A extends readonly unknown[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T>;
  /** Defines in the page what a script defines. */
  inject(script: string): Promise<void>;
  act(sources: readonly InputSource[]): Promise<void>;
  /** Chooses files from the disk for the first `input` that fits a selector. */
  chooseFiles(selector: string, paths: readonly string[]): Promise<void>;
  /** Gives the page a size, in CSS pixels. */
  resize(width: number, height: number): Promise<void>;
  screenshot(): Promise<Buffer>;
  /** Errors that the page has reported, in the order in which they came. */
  problems(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A function and its arguments as an expression for a promise of what it gives, as JSON. */
export function callOf(run: (...args: never[]) => unknown, args: readonly unknown[]): string {
  return `Promise.resolve((${run})(...${JSON.stringify(args)})).then((value) => JSON.stringify(value ?? null))`;
}
