/**
 * Colours for code, loaded when a block of code is seen: which of it are comments, strings, numbers, keywords and names.
 * That takes no parser, so a language is some expressions and its words (`grammars.ts`).
 */
import { grammarOf, type Grammar } from "./grammars.ts";

export type Kind = "comment" | "string" | "number" | "keyword" | "type" | "title" | "meta" | "addition" | "deletion";

/** A piece of code and what it is. */
export interface CodePart {
  text: string;
  kind?: Kind;
}

/** Longer code stays plain. An event holds no more. */
const LONGEST = 65_536;
/** As does code in one line that long, such as what a program has packed: some rules look ahead to the end of a line. */
const LONGEST_LINE = 1_000;
/** What follows so many parts stays plain: each is an element of the page. */
const MOST_PARTS = 5_000;

export function highlight(code: string, language: string): CodePart[] {
  const grammar = grammarOf(language.toLowerCase());
  if (grammar === undefined || code.length > LONGEST || code.split("\n").some((line) => line.length > LONGEST_LINE))
    return [{ text: code }];
  const parts: CodePart[] = [];
  read(code, grammar, parts);
  return parts;
}

function read(code: string, grammar: Grammar, parts: CodePart[]): void {
  let end = 0;
  for (const match of code.matchAll(grammar.pattern)) {
    if (parts.length >= MOST_PARTS) break;
    const text = match[0];
    const what = grammar.rules[match.findIndex((group, index) => index > 0 && group !== undefined) - 1]?.[0];
    if (text === "" || what === undefined) continue;
    const next = match.index + text.length;
    const kind = what === "word" ? kindOfWord(text, code[next], grammar) : what;
    if (kind === undefined) continue;
    add(parts, code.slice(end, match.index));
    if (typeof kind === "string") add(parts, text, kind);
    else read(text, kind, parts);
    end = next;
  }
  add(parts, code.slice(end));
}

function kindOfWord(word: string, next: string | undefined, { words, calls, folds }: Grammar): Kind | undefined {
  const known = words.get(folds ? word.toLowerCase() : word);
  if (known !== undefined || !calls) return known;
  if (next === "(") return "title";
  return /^[A-Z](?:$|\w*[a-z])/.test(word) ? "type" : undefined;
}

function add(parts: CodePart[], text: string, kind?: Kind): void {
  const last = parts.at(-1);
  if (text === "") return;
  if (kind === undefined && last !== undefined && last.kind === undefined) last.text += text;
  else parts.push(kind === undefined ? { text } : { text, kind });
}
