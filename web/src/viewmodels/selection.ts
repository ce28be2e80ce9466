/** Several messages of a conversation, chosen to be copied, forwarded or deleted together. */
import { Observable } from "../lib/observable.ts";
import type { TimelineEvent } from "../matrix/types.ts";

export class Selection {
  /** By id, in the order in which they were chosen; nothing while none are being chosen. */
  readonly chosen = new Observable<ReadonlyMap<string, TimelineEvent> | undefined>(undefined);

  toggle(event: TimelineEvent): void {
    if (event.id === undefined) return;
    const next = new Map(this.chosen.get());
    if (!next.delete(event.id)) next.set(event.id, event);
    this.chosen.set(next.size === 0 ? undefined : next);
  }

  clear(): void {
    this.chosen.set(undefined);
  }
}

/** The words of several messages, with their senders where there is more than one, oldest first. */
export function copiedText(events: readonly TimelineEvent[], textOf: (event: TimelineEvent) => string): string {
  const sorted = [...events].sort((a, b) => a.timestamp - b.timestamp);
  const alone = new Set(sorted.map(({ sender }) => sender.id)).size === 1;
  return sorted.map((event) => (alone ? textOf(event) : `${event.sender.name}: ${textOf(event)}`)).join("\n");
}
