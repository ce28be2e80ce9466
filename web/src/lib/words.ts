/**
 * Text as it is searched, in the way in which the server searches (`crates/core/src/words.rs`), so that encrypted
 * messages, which only this client can search, are found like others.
 *
 * A text is brought into a plain form: folded, and cut into pieces with one space between them. A piece is a word, or a run
 * of characters of a script that puts no spaces between words (Chinese, Japanese, Thai …), of Korean, or of emoji. Within a
 * run any characters that follow each other are found, in a word its beginning.
 */
import { fold } from "./folding.ts";

/** Characters of a text that are searched. */
const MAX_TEXT = 16_384;
/** Characters of a query that are looked at, and pieces. */
const MAX_QUERY = 256;
const MAX_PIECES = 16;
/** The shortest beginning of a word that finds it: one letter begins too many. */
const MIN_OPEN = 2;
/** More words than this are not marked in a page of results. */
const MAX_HIGHLIGHTS = 50;

const EMOJI = "\\u2190-\\u21ff\\u2600-\\u27bf\\u2b00-\\u2bff\\u{1f000}-\\u{1faff}";
const SPACELESS =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff\\u2e80-\\u2fdf\\u3005-\\u3007\\u3021-\\u3035\\u3040-\\u31ff" +
  "\\u3400-\\u9fff\\ua960-\\ua97f\\uac00-\\ud7ff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const WRITTEN = "[\\p{Alphabetic}\\p{N}\\p{M}]";
const RUN = `(?:[${EMOJI}]|(?=${WRITTEN})[${SPACELESS}])`;
const PIECES = new RegExp(`${RUN}+|(?:(?!${RUN})${WRITTEN})+`, "gu");
const STARTS_RUN = new RegExp(`^${RUN}`, "u");
const ENDS_RUN = new RegExp(`${RUN}$`, "u");
const WORDS = new RegExp(`${WRITTEN}+`, "gu");

/** The plain form of a text. */
export function plain(text: string): string {
  return (fold(text.slice(0, MAX_TEXT)).match(PIECES) ?? []).join(" ");
}

/** Pieces that have to follow each other. */
interface Phrase {
  /** In the plain form. */
  text: string;
  /** Whether its last word stands for all that begin with it. */
  open: boolean;
  /** Whether it begins, and ends, with a word rather than with a run. */
  word: { first: boolean; last: boolean };
}

/** What somebody looks for. */
export class Wanted {
  private readonly phrases: readonly Phrase[];

  /**
   * Reads a query: words that all have to occur, the last of them perhaps only begun; what is in quotation marks or not
   * separated by spaces has to occur as it is.
   */
  constructor(query: string) {
    const parts = query.slice(0, MAX_QUERY).split(/["“”„«»]/);
    const found = parts.flatMap((part, index) => (index % 2 === 1 ? [plain(part)] : part.split(/\s+/).map(plain)));
    const quoted = parts.length > 1 && parts.at(-1)?.trim() === "";
    let pieces = 0;
    const texts = found.filter((text) => text !== "");
    this.phrases = texts
      .map((text, index): Phrase => {
        const lastWord = text.slice(text.lastIndexOf(" ") + 1);
        const open =
          index === texts.length - 1 && !quoted && !STARTS_RUN.test(lastWord) && [...lastWord].length >= MIN_OPEN;
        return { text, open, word: { first: !STARTS_RUN.test(text), last: !ENDS_RUN.test(text) } };
      })
      .filter(({ text }) => {
        pieces += text.split(" ").length;
        return pieces <= MAX_PIECES;
      });
  }

  /** Whether there is nothing to look for. */
  get empty(): boolean {
    return this.phrases.length === 0;
  }

  /** Whether a text in its plain form has all that is wanted. */
  matches(text: string): boolean {
    return !this.empty && this.phrases.every((phrase) => occurs(phrase, text));
  }

  /** What may be marked in these texts: the query's pieces, and words that only folding makes equal to them. */
  highlights(texts: readonly string[]): string[] {
    const pieces = this.phrases.flatMap(({ text }) => text.split(" "));
    const runs = pieces.filter((piece) => STARTS_RUN.test(piece));
    const words = pieces.filter((piece) => !STARTS_RUN.test(piece));
    const found = new Set(pieces);
    for (const [word] of texts.flatMap((text) => [...text.slice(0, MAX_TEXT).matchAll(WORDS)])) {
      if (found.size >= MAX_HIGHLIGHTS) break;
      const folded = fold(word);
      const lower = word.toLowerCase();
      if (lower === folded) continue;
      if (words.some((piece) => folded.startsWith(piece))) found.add(lower);
      else for (const run of runs) for (const part of writtenAs(lower, folded, run)) found.add(part);
    }
    return [...found];
  }
}

/** The part of a word that folding makes a run; none where folding has moved characters. */
function writtenAs(word: string, folded: string, run: string): string[] {
  const at = folded.indexOf(run);
  return at >= 0 && word.length === folded.length ? [word.slice(at, at + run.length)] : [];
}

function occurs({ text, open, word }: Phrase, plain: string): boolean {
  for (let at = plain.indexOf(text); at >= 0; at = plain.indexOf(text, at + 1)) {
    const end = at + text.length;
    const begins = !word.first || at === 0 || plain[at - 1] === " ";
    const ends = open || !word.last || end === plain.length || plain[end] === " ";
    if (begins && ends) return true;
  }
  return false;
}
