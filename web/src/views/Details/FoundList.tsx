import { type ReactNode, useEffect, useRef } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import type { MessageSummary } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { FoundModel } from "../../viewmodels/found.ts";

interface FoundListProps {
  model: FoundModel;
  label: string;
  empty: string;
  className?: string;
  children: (message: MessageSummary, words: readonly string[]) => ReactNode;
}

/** What was found; the next page comes when the end is near. */
export function FoundList({ model, label, empty, className = "drawer__list", children }: FoundListProps) {
  const t = useT();
  const { messages, words, busy, more, problem } = useReadable(model.snapshot);
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = end.current;
    // Not while a page is on its way: when that fails, the next try is up to people.
    if (element === null || busy || !more || problem !== undefined) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && model.more(),
      { rootMargin: "300px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
    // Anew after each page: an end that stays in sight tells nothing.
  }, [model, busy, more, problem, messages]);
  return (
    <div className="drawer__scroll" aria-busy={busy}>
      {messages.length > 0 && (
        <ul className={className} aria-label={label}>
          {messages.map((message) => (
            <li key={message.id}>{children(message, words)}</li>
          ))}
        </ul>
      )}
      {busy && <div className="skeleton saved__wait" />}
      {!busy && problem === undefined && messages.length === 0 && !more && <p className="drawer__none">{empty}</p>}
      {problem !== undefined && (
        <div className="drawer__problem">
          <ProblemNotice problem={problem} />
          <Button kind="text" onClick={model.more}>
            {t("action.retry")}
          </Button>
        </div>
      )}
      <div ref={end} />
    </div>
  );
}
