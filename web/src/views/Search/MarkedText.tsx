import { markWords } from "../../lib/text.ts";
import type { MessageSummary } from "../../matrix/types.ts";

/** The text of a message with the words that were looked for. */
export function MarkedText({ message: { body }, words }: { message: MessageSummary; words: readonly string[] }) {
  const text =
    body.kind === "text" || body.kind === "unsupported"
      ? body.text
      : body.kind === "poll"
        ? body.poll.question
        : "caption" in body
          ? (body.caption ?? body.media.name)
          : "";
  // Parts have no identity of their own and never move.
  return markWords(text, words).map(({ part, marked }, index) =>
    marked ? <mark key={index}>{part}</mark> : <span key={index}>{part}</span>,
  );
}
