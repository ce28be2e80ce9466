/** Finding a conversation by a few letters of its name. */
import type { Conversation } from "../matrix/types.ts";

const SHOWN = 30;

/** The best matches first; among equals the more recent ones, as they come. */
export function rankConversations(all: readonly Conversation[], term: string): readonly Conversation[] {
  const wanted = fold(term);
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

/** Accents, and the vowel signs of Hebrew and Arabic. The marks of kana and of Indic scripts are letters of their own. */
const MARKS =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]/gu;
const LETTERS: Readonly<Record<string, string>> = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ı: "i", ς: "σ" };

/** Case, accents, width and the kind of kana do not matter, as in searches on the server. */
function fold(text: string): string {
  return text
    .trim()
    .normalize("NFKD")
    .replace(MARKS, "")
    .normalize("NFC")
    .toLowerCase()
    .replace(/[ßæœøłđıς]/gu, (letter) => LETTERS[letter] ?? letter)
    .replace(/[ァ-ヶ]/gu, (katakana) => String.fromCharCode(katakana.charCodeAt(0) - 0x60));
}
