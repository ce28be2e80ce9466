/** Finding a conversation by a few letters of its name. */
import { fold } from "../lib/folding.ts";
import type { Conversation } from "../matrix/types.ts";

const SHOWN = 30;

/** The best matches first; among equals the more recent ones, as they come. */
export function rankConversations(all: readonly Conversation[], term: string): readonly Conversation[] {
  const wanted = fold(term.trim());
  if (wanted === "") return all.slice(0, SHOWN);
  return all
    .map((conversation) => ({ conversation, score: score(conversation, wanted) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, SHOWN)
    .map(({ conversation }) => conversation);
}

function score(conversation: Conversation, wanted: string): number {
  const name = fold(conversation.name);
  if (name.startsWith(wanted)) return 3;
  if (name.includes(` ${wanted}`)) return 2;
  return name.includes(wanted) || fold(conversation.peer ?? "").includes(wanted) ? 1 : 0;
}
