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
  const html = blocks(source.split("\n"));
  return html === plainHtml(source) ? { body: source } : { body: source, formattedBody: html };
}

export function escapeHtml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function plainHtml(source: string): string {
  return `<p>${source.split("\n").map(escapeHtml).join("<br>")}</p>`;
}

const FENCE = /^```([\w+-]*)\s*$/;
const QUOTE = /^> ?/;
const BULLET = /^[-*+] +(?=\S)/;
const NUMBER = /^(\d{1,9})[.)] +(?=\S)/;
const HEADING = /^(#{1,6}) +(?=\S)/;

function blocks(lines: string[]): string {
  const out: string[] = [];
  let index = 0;
  while (index < lines.length) {
    const taken = fence(lines, index) ?? quote(lines, index) ?? list(lines, index) ?? heading(lines, index);
    const { html, end } = taken ?? paragraph(lines, index);
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

function fence(lines: string[], start: number): Block | undefined {
  const open = FENCE.exec(lines[start] ?? "");
  if (open === null) return undefined;
  const close = lines.findIndex((line, index) => index > start && /^```\s*$/.test(line));
  if (close < 0) return undefined;
  const language = open[1] ? ` class="language-${escapeHtml(open[1])}"` : "";
  const code = lines
    .slice(start + 1, close)
    .map(escapeHtml)
    .join("\n");
  return { html: `<pre><code${language}>${code}\n</code></pre>`, end: close + 1 };
}

function quote(lines: string[], start: number): Block | undefined {
  const end = runEnd(lines, start, QUOTE);
  if (end === start) return undefined;
  const inner = blocks(lines.slice(start, end).map((line) => line.replace(QUOTE, "")));
  return { html: `<blockquote>${inner}</blockquote>`, end };
}

function list(lines: string[], start: number): Block | undefined {
  const marker = [BULLET, NUMBER].find((pattern) => pattern.test(lines[start] ?? ""));
  if (marker === undefined) return undefined;
  const end = runEnd(lines, start, marker);
  const items = lines.slice(start, end).map((line) => `<li>${inline(line.replace(marker, ""))}</li>`);
  if (marker === BULLET) return { html: `<ul>${items.join("")}</ul>`, end };
  const first = Number(NUMBER.exec(lines[start] ?? "")?.[1] ?? 1);
  return { html: `<ol${first === 1 ? "" : ` start="${first}"`}>${items.join("")}</ol>`, end };
}

function heading(lines: string[], start: number): Block | undefined {
  const line = lines[start] ?? "";
  const level = HEADING.exec(line)?.[1]?.length;
  if (level === undefined) return undefined;
  return { html: `<h${level}>${inline(line.replace(HEADING, ""))}</h${level}>`, end: start + 1 };
}

function paragraph(lines: string[], start: number): Block {
  let end = start + 1;
  while (end < lines.length && !startsBlock(lines, end)) end++;
  return { html: `<p>${lines.slice(start, end).map(inline).join("<br>")}</p>`, end };
}

function startsBlock(lines: string[], index: number): boolean {
  const line = lines[index] ?? "";
  if ([QUOTE, BULLET, NUMBER, HEADING].some((pattern) => pattern.test(line))) return true;
  return fence(lines, index) !== undefined;
}

function runEnd(lines: string[], start: number, pattern: RegExp): number {
  let end = start;
  while (end < lines.length && pattern.test(lines[end] ?? "")) end++;
  return end;
}

/** One alternative per inline construct; the first that matches at the leftmost place wins. */
const INLINE = new RegExp(
  [
    String.raw`\\([\\\x60*_~[\]()#>.!+-])`,
    String.raw`\x60([^\x60\n]+)\x60`,
    String.raw`\[([^\]\n]+)\]\(((?:https?:\/\/|mailto:)[^\s)]+)\)`,
    String.raw`((?:https?:\/\/|mailto:)[^\s<]+)`,
    String.raw`\*\*(?=\S)(.+?)(?<=\S)\*\*(?!\*)`,
    String.raw`(?<![\p{L}\p{N}_])__(?=\S)(.+?)(?<=\S)__(?![\p{L}\p{N}_])`,
    String.raw`\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?!\*)`,
    String.raw`(?<![\p{L}\p{N}_])_(?=[^\s_])(.+?)(?<=[^\s_])_(?![\p{L}\p{N}_])`,
    String.raw`~~(?=\S)(.+?)(?<=\S)~~`,
  ].join("|"),
  "gu",
);

function inline(text: string): string {
  let html = "";
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    html += escapeHtml(text.slice(last, match.index)) + construct(match);
    last = match.index + match[0].length;
  }
  return html + escapeHtml(text.slice(last));
}

function construct(match: RegExpExecArray): string {
  const [whole, escaped, code, label, href, url, strong1, strong2, em1, em2, struck] = match;
  if (escaped !== undefined) return escapeHtml(escaped);
  if (code !== undefined) return `<code>${escapeHtml(code)}</code>`;
  if (label !== undefined && href !== undefined) return `<a href="${escapeHtml(href)}">${inline(label)}</a>`;
  if (url !== undefined) return escapeHtml(url);
  const strong = strong1 ?? strong2;
  if (strong !== undefined) return `<strong>${inline(strong)}</strong>`;
  const emphasis = em1 ?? em2;
  if (emphasis !== undefined) return `<em>${inline(emphasis)}</em>`;
  if (struck !== undefined) return `<del>${inline(struck)}</del>`;
  return escapeHtml(whole);
}
