/**
 * The Markdown that people type in a chat, turned into the HTML subset that Matrix messages may carry: emphasis, code,
 * links, quotes, lists, headings. Everything else stays the text it is.
 */
export interface FormattedText {
  body: string;
  /** Absent when the text has no markup: then the plain body says it all. */
  formattedBody?: string;
}

export function formatMarkdown(source: string): FormattedText {
  const html = blocks(new Lines(source.split("\n")), 0);
  return html === plainHtml(source) ? { body: source } : { body: source, formattedBody: html };
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function plainHtml(source: string): string {
  return `<p>${source.split("\n").map(escapeHtml).join("<br>")}</p>`;
}

const FENCE = /^```([\w+-]*)\s*$/;
const FENCE_END = /^```\s*$/;
const QUOTE = /^> ?/;
const BULLET = /^[-*+] +(?=\S)/;
const NUMBER = /^(\d{1,9})[.)] +(?=\S)/;
const HEADING = /^(#{1,6}) +(?=\S)/;

/** How deep quotes of quotes go; deeper ones are text. */
const MAX_QUOTES = 16;
/** How deep emphasis within emphasis goes; deeper, its marks are text. */
const MAX_SPANS = 16;

class Lines {
  private close = -1;

  constructor(readonly all: readonly string[]) {}

  at(index: number): string {
    return this.all[index] ?? "";
  }

  /** The line after `start` that ends a fence; the number of lines if there is none. It is looked for only once. */
  fenceEnd(start: number): number {
    if (this.close <= start) {
      this.close = start + 1;
      while (this.close < this.all.length && !FENCE_END.test(this.at(this.close))) this.close++;
    }
    return this.close;
  }

  /** The line after those from `start` on that match. */
  runEnd(start: number, pattern: RegExp): number {
    let end = start;
    while (end < this.all.length && pattern.test(this.at(end))) end++;
    return end;
  }
}

function blocks(lines: Lines, depth: number): string {
  const out: string[] = [];
  let index = 0;
  while (index < lines.all.length) {
    const taken = fence(lines, index) ?? quote(lines, index, depth) ?? list(lines, index) ?? heading(lines, index);
    const { html, end } = taken ?? paragraph(lines, index, depth);
    if (html !== "") out.push(html);
    index = end;
  }
  const [only] = out;
  if (out.length === 1 && only?.startsWith("<p>") && !isPlainParagraph(only)) return only.slice(3, -4);
  return out.join("");
}

/** A lone paragraph needs no `<p>` around it, except where it serves to recognise text without markup. */
function isPlainParagraph(html: string): boolean {
  return !/<(?!p>|\/p>|br>)/.test(html);
}

interface Block {
  html: string;
  end: number;
}

function fence(lines: Lines, start: number): Block | undefined {
  const open = FENCE.exec(lines.at(start));
  if (open === null) return undefined;
  const close = lines.fenceEnd(start);
  if (close === lines.all.length) return undefined;
  const language = open[1] ? ` class="language-${escapeHtml(open[1])}"` : "";
  const code = lines.all
    .slice(start + 1, close)
    .map(escapeHtml)
    .join("\n");
  return { html: `<pre><code${language}>${code}\n</code></pre>`, end: close + 1 };
}

function quote(lines: Lines, start: number, depth: number): Block | undefined {
  const end = depth < MAX_QUOTES ? lines.runEnd(start, QUOTE) : start;
  if (end === start) return undefined;
  const quoted = lines.all.slice(start, end).map((line) => line.replace(QUOTE, ""));
  return { html: `<blockquote>${blocks(new Lines(quoted), depth + 1)}</blockquote>`, end };
}

function list(lines: Lines, start: number): Block | undefined {
  const marker = [BULLET, NUMBER].find((pattern) => pattern.test(lines.at(start)));
  if (marker === undefined) return undefined;
  const end = lines.runEnd(start, marker);
  const items = lines.all.slice(start, end).map((line) => `<li>${inline(line.replace(marker, ""))}</li>`);
  if (marker === BULLET) return { html: `<ul>${items.join("")}</ul>`, end };
  const first = Number(NUMBER.exec(lines.at(start))?.[1] ?? 1);
  return { html: `<ol${first === 1 ? "" : ` start="${first}"`}>${items.join("")}</ol>`, end };
}

function heading(lines: Lines, start: number): Block | undefined {
  const line = lines.at(start);
  const level = HEADING.exec(line)?.[1]?.length;
  if (level === undefined) return undefined;
  return { html: `<h${level}>${inline(line.replace(HEADING, ""))}</h${level}>`, end: start + 1 };
}

function paragraph(lines: Lines, start: number, depth: number): Block {
  let end = start + 1;
  while (end < lines.all.length && !startsBlock(lines, end, depth)) end++;
  return {
    html: `<p>${lines.all
      .slice(start, end)
      .map((line) => inline(line))
      .join("<br>")}</p>`,
    end,
  };
}

function startsBlock(lines: Lines, index: number, depth: number): boolean {
  const line = lines.at(index);
  if ([BULLET, NUMBER, HEADING].some((pattern) => pattern.test(line))) return true;
  return (depth < MAX_QUOTES && QUOTE.test(line)) || fence(lines, index) !== undefined;
}

/** What is between two delimiters: how it begins, and all of it. The first that matches at the leftmost place wins. */
interface Span {
  opening: RegExp;
  whole: RegExp;
  tag: "strong" | "em" | "del";
}

const SPANS: Readonly<Record<string, readonly Span[]>> = {
  "*": [
    span(String.raw`\*\*(?=\S)`, String.raw`(?<=\S)\*\*(?!\*)`, "strong"),
    span(String.raw`\*(?=[^\s*])`, String.raw`(?<=[^\s*])\*(?!\*)`, "em"),
  ],
  _: [
    span(String.raw`(?<![\p{L}\p{N}_])__(?=\S)`, String.raw`(?<=\S)__(?![\p{L}\p{N}_])`, "strong"),
    span(String.raw`(?<![\p{L}\p{N}_])_(?=[^\s_])`, String.raw`(?<=[^\s_])_(?![\p{L}\p{N}_])`, "em"),
  ],
  "~": [span(String.raw`~~(?=\S)`, String.raw`(?<=\S)~~`, "del")],
};

function span(opening: string, closing: string, tag: Span["tag"]): Span {
  // Within a line, `.` is any character: what else ends lines for JavaScript does not end emphasis.
  return { opening: new RegExp(opening, "uy"), whole: new RegExp(`${opening}(.+?)${closing}`, "suy"), tag };
}

const SPECIAL = /[\\\x60[*_~]|https?:\/\/|mailto:/g;
const ESCAPED = /\\([\\\x60*_~[\]()#>.!+-])/y;
const CODE = /\x60([^\x60\n]+)\x60/y;
const LINK_START = /\]\((?:https?:\/\/|mailto:)/y;
const BACKTICK = /\x60/g;
const BRACKET = /\]/g;
const LINK_END = /[\s)]/g;
const URL = /(?:https?:\/\/|mailto:)[^\s<]+/y;

interface Construct {
  html: string;
  end: number;
}

function inline(text: string, depth = 0): string {
  const line = new Line(text, depth);
  let html = "";
  let last = 0;
  for (;;) {
    SPECIAL.lastIndex = last;
    let found = SPECIAL.exec(text);
    let construct: Construct | undefined;
    while (found !== null) {
      construct = line.constructAt(found.index);
      if (construct !== undefined) break;
      SPECIAL.lastIndex = found.index + 1;
      found = SPECIAL.exec(text);
    }
    if (found === null || construct === undefined) return html + escapeHtml(text.slice(last));
    html += escapeHtml(text.slice(last, found.index)) + construct.html;
    last = construct.end;
  }
}

/**
 * A line whose constructs are looked for from left to right. What is looked for ahead is remembered, so that the whole
 * costs as much as the line is long, whatever somebody pastes.
 */
class Line {
  /** Spans that do not end any more: what begins later does not end either. */
  private readonly unclosed = new Set<Span>();
  private readonly next = new Map<RegExp, number>();

  constructor(
    private readonly text: string,
    private readonly depth: number,
  ) {}

  constructAt(index: number): Construct | undefined {
    const character = this.text[index] ?? "";
    switch (character) {
      case "\\":
        return this.match(ESCAPED, index, ([, escaped]) => escapeHtml(escaped ?? ""));
      case "\x60":
        // Without a second one, none of the rest of the line is looked at.
        if (this.find(BACKTICK, index + 1) === undefined) return undefined;
        return this.match(CODE, index, ([, code]) => `<code>${escapeHtml(code ?? "")}</code>`);
      case "[":
        return this.link(index);
      case "h":
      case "m":
        return this.match(URL, index, ([url]) => escapeHtml(url));
      default:
        return this.span(SPANS[character] ?? [], index);
    }
  }

  private link(index: number): Construct | undefined {
    const close = this.find(BRACKET, index + 1);
    if (close === undefined || close === index + 1) return undefined;
    LINK_START.lastIndex = close;
    if (!LINK_START.test(this.text)) return undefined;
    const start = LINK_START.lastIndex;
    const end = this.find(LINK_END, start);
    if (end === undefined || end === start || this.text[end] !== ")") return undefined;
    const [label, href] = [this.text.slice(index + 1, close), this.text.slice(close + 2, end)];
    return { html: `<a href="${escapeHtml(href)}">${this.within(label)}</a>`, end: end + 1 };
  }

  private span(spans: readonly Span[], index: number): Construct | undefined {
    if (this.depth >= MAX_SPANS) return undefined;
    for (const span of spans) {
      span.opening.lastIndex = index;
      if (this.unclosed.has(span) || !span.opening.test(this.text)) continue;
      const { whole, tag } = span;
      const found = this.match(whole, index, ([, content]) => `<${tag}>${this.within(content)}</${tag}>`);
      if (found !== undefined) return found;
      this.unclosed.add(span);
    }
    return undefined;
  }

  private within(content = ""): string {
    return inline(content, this.depth + 1);
  }

  private match(pattern: RegExp, index: number, html: (match: RegExpExecArray) => string): Construct | undefined {
    pattern.lastIndex = index;
    const match = pattern.exec(this.text);
    return match === null ? undefined : { html: html(match), end: index + match[0].length };
  }

  /** Where `pattern` is next, from `index` on. */
  private find(pattern: RegExp, index: number): number | undefined {
    const known = this.next.get(pattern);
    if (known !== undefined && known >= index) return known === this.text.length ? undefined : known;
    pattern.lastIndex = index;
    const found = pattern.exec(this.text)?.index ?? this.text.length;
    this.next.set(pattern, found);
    return found === this.text.length ? undefined : found;
  }
}
