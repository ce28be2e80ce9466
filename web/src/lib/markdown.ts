/**
 * The Markdown that people type in a chat, turned into the HTML subset that Matrix messages may carry. The parser is
 * markdown-it; what a chat wants otherwise than a document is said here: each line break counts, a quote ends with its
 * lines, what nothing would be left of (HTML, references, entities) stays the text it is, `||this||` is a spoiler, and
 * emphasis works beside Chinese, Japanese and Korean letters, and what stands between `$` or `$$` is a formula.
 */
import createParser, { type MarkdownIt, type StateBlock, type StateInline, type Token } from "markdown-it";
import { emoteHtml, type PackImage } from "./imagepacks.ts";
import { isSafeLink } from "./richtext.ts";

export interface FormattedText {
  body: string;
  /** Absent when the text has no markup: then the plain body says it all. */
  formattedBody?: string;
  /** Identifiers of those whose labels are in the text, outside of code. */
  mentioned: readonly string[];
}

/** Somebody or some room that a text names: `label` is how it stands in the text. */
export interface Mention {
  label: string;
  /** Of a user, or the address or identifier of a room. */
  id: string;
}

export function formatMarkdown(
  source: string,
  mentions: readonly Mention[] = [],
  emotes: readonly Emote[] = [],
): FormattedText {
  const env = {
    emotes: new Map(emotes.map((emote) => [emote.code, emote])),
    // A longer label before a shorter one that it begins with.
    mentions: [...mentions].sort((a, b) => b.label.length - a.label.length).slice(0, MAX_MENTIONS),
    mentioned: new Set<string>(),
  };
  const tokens = parser.parse(source, env);
  const text = { body: source, mentioned: [...env.mentioned] };
  return isPlain(tokens, source) ? text : { ...text, formattedBody: blocks(tokens) };
}

/** The formulas of a text, in their order. */
export function formulasIn(source: string): Formula[] {
  if (!source.includes("$")) return [];
  const formula = ({ type, content }: Token) =>
    type === "math_inline" || type === "math_block" ? [{ source: content, display: type === "math_block" }] : [];
  const tokens = parser.parse(source, { emotes: new Map(), mentions: [], mentioned: new Set() });
  return tokens.flatMap((token) => [...formula(token), ...(token.children ?? []).flatMap(formula)]);
}

/** What a text holds in TeX; `display` stands in lines of its own. */
export interface Formula {
  source: string;
  display: boolean;
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

/** The link that names a person or a room in a message. */
export function permalink(id: string): string {
  return `https://matrix.to/#/${encodeURIComponent(id).replace(/%40/g, "@").replace(/%3A/g, ":")}`;
}

/** A picture that stands in a text as `:code:`. */
export type Emote = Pick<PackImage, "code" | "mxc" | "name">;

interface Env {
  emotes: ReadonlyMap<string, Emote>;
  mentions: readonly Mention[];
  mentioned: Set<string>;
}

/** How deep quotes of quotes go; deeper ones are text. */
const MAX_QUOTES = 16;
/** How deep lists in lists go; deeper, their marks are text. */
const MAX_LISTS = 16;
/** How deep emphasis within emphasis goes; deeper, its marks are text. */
const MAX_SPANS = 16;
const MAX_MENTIONS = 100;
/** Lines of a formula. */
const MAX_FORMULA_LINES = 50;
/** Characters of a paragraph that may mean something; beyond, it is text. What is looked for ahead costs their square. */
const MAX_MARKS = 2_000;

function makeParser(): MarkdownIt {
  const md = createParser({ breaks: true, html: false, linkify: false, typographer: false });
  md.disable(["code", "hr", "html_block", "reference", "lheading", "linkify", "replacements", "smartquotes"]);
  md.disable(["autolink", "html_inline", "entity", "image"]);
  md.validateLink = (href) => isSafeLink(href) && /^(?:https?:\/\/|mailto:)[^\s<>]+$/i.test(href);
  // The address stays as it was written: the browser that follows it knows how to encode it.
  md.normalizeLink = (href) => href;
  md.inline.State = ChatInline(md.inline.State);
  md.inline.ruler.at("text", text);
  md.inline.ruler.before("escape", "shrug", shrug);
  md.inline.ruler.before("escape", "mention", mention);
  md.inline.ruler.before("escape", "address", address);
  md.inline.ruler.before("escape", "emote", emote);
  md.inline.ruler.after("backticks", "math_inline", mathInline);
  md.inline.ruler.after("strikethrough", "spoiler", spoiler);
  md.inline.ruler2.after("strikethrough", "spoiler", spoilerPairs);
  md.inline.parse = bounded(md.inline.parse.bind(md.inline));
  md.block.ruler.at("blockquote", quote, { alt: ["paragraph", "list"] });
  md.block.ruler.before("list", "deep_list", deepList);
  md.block.ruler.after("fence", "math_block", mathBlock, { alt: ["paragraph", "list"] });
  return md;
}

const MARKS = /[*_~|[\]`\\@#:$]/g;

function bounded(parse: MarkdownIt["inline"]["parse"]): MarkdownIt["inline"]["parse"] {
  return (source, md, env, out) => {
    if ((source.match(MARKS)?.length ?? 0) <= MAX_MARKS) return parse(source, md, env, out);
    const state = new md.inline.State(source, md, env, out);
    for (const [index, line] of source.split("\n").entries()) {
      if (index > 0) state.push("softbreak", "br", 0);
      state.push("text", "", 0).content = line;
    }
  };
}

type BlockRule = (state: StateBlock, start: number, end: number, silent: boolean) => boolean;

/** A line of a list within too many others is a paragraph. Each list takes two levels: its own, and that of its item. */
const deepList: BlockRule = (state, start, _end, silent) => {
  if (silent || state.level < 2 * MAX_LISTS) return false;
  state.push("paragraph_open", "p", 1);
  const token = state.push("inline", "", 0);
  token.content = state.getLines(start, start + 1, state.blkIndent, false).trim();
  token.children = [];
  state.push("paragraph_close", "p", -1);
  state.line = start + 1;
  return true;
};

const QUOTE = /^ {0,3}> ?/;

/** Lines that begin with `>`. Unlike in documents the line after them does not belong to them. */
const quote: BlockRule = (state, start, end, silent) => {
  const depth = (state.env as { quotes?: number }).quotes ?? 0;
  const line = (index: number) => state.getLines(index, index + 1, state.blkIndent, false);
  if (depth >= MAX_QUOTES || !QUOTE.test(line(start))) return false;
  if (silent) return true;
  let next = start;
  const quoted: string[] = [];
  for (; next < end && QUOTE.test(line(next)); next++) quoted.push(line(next).replace(QUOTE, ""));
  const open = state.push("blockquote_open", "blockquote", 1);
  open.markup = ">";
  const inner: Token[] = [];
  const env = state.env as { quotes?: number };
  env.quotes = depth + 1;
  state.md.block.parse(quoted.join("\n"), state.md, env, inner);
  env.quotes = depth;
  for (const token of inner) state.tokens.push(token);
  state.push("blockquote_close", "blockquote", -1);
  state.line = next;
  return true;
};

/** Lines from `$$` to `$$`, which stand alone. */
const mathBlock: BlockRule = (state, start, end, silent) => {
  const line = (index: number) => state.getLines(index, index + 1, state.blkIndent, false).trim();
  const first = line(start);
  if (!first.startsWith("$$")) return false;
  const last = Math.min(end, start + MAX_FORMULA_LINES);
  let written = first.slice(2);
  let next = start + 1;
  for (; !written.endsWith("$$") && next < last && line(next) !== ""; next++) written += `\n${line(next)}`;
  const content = written.slice(0, -2).trim();
  if (!written.endsWith("$$") || content === "" || content.includes("$")) return false;
  if (silent) return true;
  state.push("math_block", "div", 0).content = content;
  state.line = next;
  return true;
};

const CJK =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\u3000-\u303f\uff00-\uffef]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const SPACE = /\s/;

/**
 * Where emphasis may begin and end. Punctuation beside a Chinese, Japanese or Korean character is no obstacle, because
 * no spaces are written there: `**好！**世界`.
 */
function ChatInline(Base: typeof StateInline): typeof StateInline {
  return class extends Base {
    override scanDelims(start: number, canSplitWord: boolean) {
      const marker = this.src[start];
      let end = start;
      while (end < this.posMax && this.src[end] === marker) end++;
      const before = characterBefore(this.src, start);
      const after = end < this.posMax ? String.fromCodePoint(this.src.codePointAt(end) ?? 32) : " ";
      const [spaceBefore, spaceAfter] = [SPACE.test(before), SPACE.test(after)];
      const [pointBefore, pointAfter] = [PUNCTUATION.test(before), PUNCTUATION.test(after)];
      const cjk = CJK.test(before) || CJK.test(after);
      const opens = !spaceAfter && (!pointAfter || spaceBefore || pointBefore || cjk);
      const closes = !spaceBefore && (!pointBefore || spaceAfter || pointAfter || cjk);
      return {
        can_open: opens && (canSplitWord || !closes || pointBefore),
        can_close: closes && (canSplitWord || !opens || pointAfter),
        length: end - start,
      };
    }
  };
}

function characterBefore(text: string, index: number): string {
  if (index === 0) return " ";
  const low = text.charCodeAt(index - 1);
  return low >= 0xdc00 && low <= 0xdfff && index > 1 ? text.slice(index - 2, index) : text.charAt(index - 1);
}

const PLAIN = /[^\n!#$%&*+\-:<=>@[\\\]^_`{}~|]+/y;

/** Characters that mean nothing. */
function text(state: StateInline, silent: boolean): boolean {
  PLAIN.lastIndex = state.pos;
  const found = PLAIN.exec(state.src)?.[0].slice(0, state.posMax - state.pos) ?? "";
  if (found === "") return false;
  if (!silent) state.pending += found;
  state.pos += found.length;
  return true;
}

const SHRUG = "\\_(ツ)_/¯";

/** The arm of somebody who shrugs is not there to escape what follows. */
function shrug(state: StateInline, silent: boolean): boolean {
  if (!state.src.startsWith(SHRUG, state.pos) || state.src[state.pos - 1] !== "¯") return false;
  if (!silent) state.pending += SHRUG;
  state.pos += SHRUG.length;
  return true;
}

const ADDRESS = /:(?:\/\/)?[^\s<]+/y;
const AFTER_ADDRESS = ".,:;!?*_~|)";

/** What is in a web address is no markup. */
function address(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== ":") return false;
  const scheme = /(?:https?|mailto)$/i.exec(state.src.slice(Math.max(0, state.pos - 6), state.pos))?.[0];
  if (scheme === undefined || (scheme.toLowerCase() !== "mailto" && !state.src.startsWith("://", state.pos)))
    return false;
  ADDRESS.lastIndex = state.pos;
  let end = state.pos + (ADDRESS.exec(state.src.slice(0, state.posMax))?.[0].length ?? 0);
  while (end > state.pos && AFTER_ADDRESS.includes(state.src.charAt(end - 1))) end--;
  if (end <= state.pos) return false;
  if (!silent) state.pending += state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

const WORD = /[A-Za-z0-9_]/;

/** A label of somebody who was chosen from the list while writing. */
function mention(state: StateInline, silent: boolean): boolean {
  const { mentions, mentioned } = state.env as unknown as Env;
  if (mentions.length === 0 || (state.pos > 0 && WORD.test(state.src.charAt(state.pos - 1)))) return false;
  const first = state.src[state.pos];
  if (first !== "@" && first !== "#") return false;
  const found = mentions.find(({ label }) => {
    if (!state.src.startsWith(label, state.pos) || state.pos + label.length > state.posMax) return false;
    return !(WORD.test(label.slice(-1)) && WORD.test(state.src.charAt(state.pos + label.length)));
  });
  if (found === undefined) return false;
  if (!silent) {
    mentioned.add(found.id);
    const token = state.push("mention", "a", 0);
    token.content = found.label;
    token.attrSet("href", state.linkLevel > 0 ? "" : permalink(found.id));
  }
  state.pos += found.label.length;
  return true;
}

const EMOTE = /:([A-Za-z0-9_-]{1,100}):/y;

/** A picture that was chosen while writing. */
function emote(state: StateInline, silent: boolean): boolean {
  const { emotes } = state.env as unknown as Env;
  if (emotes.size === 0 || state.src[state.pos] !== ":") return false;
  EMOTE.lastIndex = state.pos;
  const [written = "", code = ""] = EMOTE.exec(state.src.slice(0, state.posMax)) ?? [];
  const found = emotes.get(code);
  if (found === undefined) return false;
  if (!silent) {
    const token = state.push("emote", "img", 0);
    token.content = written;
    token.meta = found;
  }
  state.pos += written.length;
  return true;
}

/**
 * A formula. Where dollars are money or names of variables it is none: within it, a space stands at neither end, and neither
 * a letter nor a digit may be beside it.
 */
function mathInline(state: StateInline, silent: boolean): boolean {
  const { src, pos, posMax } = state;
  if (src[pos] !== "$") return false;
  const size = src[pos + 1] === "$" ? 2 : 1;
  const start = pos + size;
  let end = src.indexOf("$", start);
  while (end > 0 && src[end - 1] === "\\") end = src.indexOf("$", end + 1);
  const close = end + size;
  if (end <= start || close > posMax || src.slice(end, close) !== "$".repeat(size)) return false;
  const content = src.slice(start, end);
  const apart = !WORD.test(src.charAt(pos - 1)) && !WORD.test(src.charAt(close)) && src[close] !== "$";
  if (!apart || /^\s|\s$|\n/.test(content)) return false;
  if (!silent) state.push("math_inline", "span", 0).content = content;
  state.pos = close;
  return true;
}

const BAR = "|".charCodeAt(0);

function spoiler(state: StateInline, silent: boolean): boolean {
  if (silent || state.src.charCodeAt(state.pos) !== BAR) return false;
  const { length, can_open: open, can_close: close } = state.scanDelims(state.pos, true);
  if (length !== 2) {
    state.pending += "|".repeat(length);
  } else {
    state.push("text", "", 0).content = "||";
    state.delimiters.push({ marker: BAR, length: 0, token: state.tokens.length - 1, end: -1, open, close });
  }
  state.pos += length;
  return true;
}

function spoilerPairs(state: StateInline): boolean {
  for (const list of [state.delimiters, ...state.tokens_meta.map((meta) => meta?.delimiters ?? [])]) {
    for (const { marker, token, end } of list) {
      if (marker !== BAR || end === -1) continue;
      const closing = list[end];
      const [first, last] = [state.tokens[token], closing && state.tokens[closing.token]];
      if (first === undefined || last === undefined) continue;
      Object.assign(first, { type: "spoiler_open", tag: "span", nesting: 1, markup: "||", content: "" });
      Object.assign(last, { type: "spoiler_close", tag: "span", nesting: -1, markup: "||", content: "" });
    }
  }
  return true;
}

/** Paragraphs of text without a change to it. */
function isPlain(tokens: readonly Token[], source: string): boolean {
  let shown = "";
  for (const { type, children } of tokens) {
    if (type === "paragraph_open" || type === "paragraph_close") continue;
    if (type !== "inline") return false;
    for (const child of children ?? []) {
      if (child.type !== "text" && child.type !== "softbreak" && child.type !== "hardbreak") return false;
      shown += child.content;
    }
  }
  return shown.replace(/\s/g, "") === source.replace(/[\s\0]/g, "");
}

function blocks(tokens: readonly Token[]): string {
  let html = "";
  for (const token of tokens) html += block(token);
  // A lone paragraph needs no `<p>` around it.
  const lone = tokens.length === 3 && tokens[0]?.type === "paragraph_open";
  return lone ? html.slice("<p>".length, -"</p>".length) : html;
}

function block(token: Token): string {
  if (token.type === "inline") return inline(token.children ?? []);
  if (token.type === "fence") {
    const language = /^[\w+-]+/.exec(token.info)?.[0];
    const attribute = language === undefined ? "" : ` class="language-${language}"`;
    return `<pre><code${attribute}>${escapeHtml(token.content)}</code></pre>`;
  }
  if (token.type === "math_block") return formulaHtml("div", token.content);
  // Paragraphs of a list without blank lines.
  if (token.hidden) return "";
  if (token.nesting === -1) return `</${token.tag}>`;
  const start = token.type === "ordered_list_open" ? token.attrGet("start") : null;
  return `<${token.tag}${start === null ? "" : ` start="${Number(start)}"`}>`;
}

const SPANS: Readonly<Record<string, string>> = { strong: "strong", em: "em", s: "del", spoiler: "span" };

function inline(tokens: readonly Token[]): string {
  let html = "";
  let depth = 0;
  for (const token of tokens) {
    const [, span = "", end] = /^(strong|em|s|spoiler)_(?:open|(close))$/.exec(token.type) ?? [];
    if (span !== "") {
      if (end !== undefined) depth--;
      const mark = end === undefined && span === "spoiler" ? `${SPANS[span]} data-mx-spoiler=""` : SPANS[span];
      html += depth >= MAX_SPANS ? escapeHtml(token.markup) : `<${end === undefined ? "" : "/"}${mark}>`;
      if (end === undefined) depth++;
      continue;
    }
    html += leaf(token);
  }
  return html;
}

function leaf(token: Token): string {
  switch (token.type) {
    case "softbreak":
    case "hardbreak":
      return "<br>";
    case "code_inline":
      return `<code>${escapeHtml(token.content)}</code>`;
    case "link_open":
      return `<a href="${escapeHtml(String(token.attrGet("href") ?? ""))}">`;
    case "link_close":
      return "</a>";
    case "math_inline":
      return formulaHtml("span", token.content);
    case "emote":
      return emoteHtml(token.meta as Emote);
    case "mention": {
      const href = String(token.attrGet("href") ?? "");
      const label = escapeHtml(token.content);
      return href === "" ? label : `<a href="${escapeHtml(href)}">${label}</a>`;
    }
    default:
      return escapeHtml(token.content);
  }
}

/** Clients that draw no formulas show the source (MSC2191). */
function formulaHtml(tag: "div" | "span", source: string): string {
  const written = escapeHtml(source);
  return `<${tag} data-mx-maths="${written}"><code>${written}</code></${tag}>`;
}

const parser = makeParser();
