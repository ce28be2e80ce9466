/** Results of searches in several places, put together into one list. */
import type { Wanted } from "../../lib/words.ts";
import { type Problem, problemOf } from "../errors.ts";
import type { FoundPage, MessageSummary } from "../types.ts";

/** Gives a page of results after the other. */
export type Finder = () => Promise<FoundPage>;

const PAGE = 24;

/** Results from one place, newest first. */
export interface Source {
  /** The next result, which stays the next until it is taken. Rejects when it cannot be had now. */
  peek(): Promise<MessageSummary | undefined>;
  take(): void;
  /** The words that were found, to be marked. */
  readonly words?: readonly string[];
}

/** One list of what several places have, newest first. A place that fails is left out of a page, and asked again for the next. */
export function finder(wanted: Wanted, sources: readonly Source[]): Finder {
  return async () => {
    const messages: MessageSummary[] = [];
    const failed = new Set<Source>();
    let problem: Problem | undefined;
    let more = !wanted.empty;
    while (more && messages.length < PAGE) {
      let best: { source: Source; message: MessageSummary } | undefined;
      for (const source of sources) {
        if (failed.has(source)) continue;
        try {
          const message = await source.peek();
          if (message !== undefined && message.timestamp > (best?.message.timestamp ?? -1)) best = { source, message };
        } catch (error) {
          // The others' results are shown all the same.
          failed.add(source);
          problem = problemOf(error);
        }
      }
      best?.source.take();
      if (best !== undefined) messages.push(best.message);
      more = best !== undefined;
    }
    const texts = messages.map(({ body }) =>
      body.kind === "text" ? body.text : "caption" in body ? (body.caption ?? "") : "",
    );
    const words = [...wanted.highlights(texts), ...sources.flatMap((source) => source.words ?? [])];
    return { messages, words, problem, next: more || problem !== undefined ? "more" : undefined };
  };
}
