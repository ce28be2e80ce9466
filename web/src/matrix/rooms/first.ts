/**
 * The rows on top of the list, as they were last shown. They stand there while the rest is being read, and nothing can be
 * done with them but to open them: `partial` says that the room comes later.
 */
import type { Readable } from "../../lib/observable.ts";
import type { Conversation } from "../types.ts";
import type { SummaryStore } from "./store.ts";

/** More than a screen has. */
const ROWS = 50;
/** How long a change waits for others before it is written. */
const WRITE_MS = 2_000;

/** Keeps them up to date until the returned function is called. */
export function keepFirstRows(list: Readable<readonly Conversation[]>, store: SummaryStore): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    timer = undefined;
    store.saveFirst(firstRows(list.get())).catch(() => undefined);
  };
  const later = () => {
    timer ??= setTimeout(save, WRITE_MS);
  };
  later();
  const stop = list.subscribe(later);
  return () => {
    stop();
    clearTimeout(timer);
  };
}

export function firstRows(list: readonly Conversation[]): readonly Conversation[] {
  const shown = list.filter(({ archived }) => archived !== true);
  const onTop = shown.filter(({ membership, pinned }) => membership === "invite" || pinned);
  return [...new Set([...onTop, ...shown])].slice(0, ROWS).map((row) => ({
    ...row,
    partial: true,
    typing: [],
    // Remarks, and what was said in confidence, are not written down here.
    name: row.ownName ?? row.name,
    ownName: undefined,
    preview: row.encrypted === true ? undefined : row.preview,
  }));
}
