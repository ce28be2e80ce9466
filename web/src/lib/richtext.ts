/**
 * What other people's HTML may become. The source is parsed in an inert document and rebuilt as a tree of the tags
 * and attributes that the Matrix specification allows; nothing of the original markup reaches the page.
 */
export type RichNode = string | RichElement;

export interface RichElement {
  tag: string;
  /** Only checked values: `href`, `start`, `language`, `spoiler`. */
  attributes: Readonly<Record<string, string>>;
  children: RichNode[];
}

const ALLOWED = new Set(
  `a b blockquote br caption code del details div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub summary sup
   table tbody td th thead tr u ul`.split(/\s+/),
);
/** Tags of which not even the text is shown. `mx-reply` repeats the message that the reply already quotes. */
const DROPPED = new Set(
  "mx-reply script style title template noscript iframe object svg math head textarea select".split(" "),
);
const MAX_DEPTH = 100;
/** Elements that a message may become; it has at most some 20,000 tags. */
const MAX_ELEMENTS = 100_000;

/**
 * Where the browser has Trusted Types, only HTML of a policy is parsed, and the page may have this one policy. It lets
 * everything pass, because what is parsed stays in a document that runs nothing.
 */
const inert = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("im2-inert-html", {
  createHTML: (html) => html,
});

interface TrustedTypes {
  createPolicy(name: string, rules: { createHTML(html: string): string }): { createHTML(html: string): string };
}

export function parseRichText(html: string): RichNode[] {
  const source = elementsAtMost(html) > MAX_ELEMENTS ? html.replace(/<[^<>]*>?/g, " ") : html;
  const document = new DOMParser().parseFromString(inert?.createHTML(source) ?? source, "text/html");
  return trim(childrenOf(document.body, 0));
}

/** Tags that are opened again in every block until they are closed (HTML, "the list of active formatting elements"). */
const FORMATTING = new Set("a b big code em font i nobr s small strike strong tt u".split(" "));
/** Tags in which those opened before them cannot be closed. */
const MARKERS = new Set("applet caption marquee object td template th".split(" "));

/**
 * How many elements a parser may make of a message. Formatting that is left open is repeated in each block that
 * follows, so that a few thousand tags could become millions of elements.
 */
function elementsAtMost(html: string): number {
  let open = new Map<string, number>();
  let openCount = 0;
  let elements = 0;
  for (const [, slash, written = ""] of html.matchAll(/<(\/?)([a-z][a-z0-9-]*)/gi)) {
    const tag = written.toLowerCase();
    const count = open.get(tag) ?? 0;
    if (slash === "" && FORMATTING.has(tag)) {
      open.set(tag, count + 1);
      openCount++;
    } else if (slash === "/" && count > 0) {
      open.set(tag, count - 1);
      openCount--;
    } else if (MARKERS.has(tag)) {
      open = new Map();
    }
    elements += 1 + openCount;
  }
  return elements;
}

/** The words of a formatted message, for checks and previews. */
export function plainText(nodes: readonly RichNode[]): string {
  return nodes.map((node) => (typeof node === "string" ? node : plainText(node.children))).join("");
}

function childrenOf(parent: Node, depth: number): RichNode[] {
  const out: RichNode[] = [];
  for (const child of parent.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) {
      const text = child.textContent ?? "";
      if (text !== "") out.push(text);
    } else if (child instanceof Element) {
      out.push(...elementNodes(child, depth));
    }
  }
  return out;
}

function elementNodes(element: Element, depth: number): RichNode[] {
  const tag = element.localName;
  if (DROPPED.has(tag) || depth >= MAX_DEPTH) return [];
  if (tag === "img") return [element.getAttribute("alt") ?? element.getAttribute("title") ?? ""];
  const children = childrenOf(element, depth + 1);
  if (!ALLOWED.has(tag)) return children;
  const attributes = attributesOf(element, tag);
  if (tag === "a" && attributes.href === undefined) return children;
  return [{ tag, attributes, children }];
}

function attributesOf(element: Element, tag: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  const href = element.getAttribute("href");
  if (tag === "a" && href !== null && isSafeLink(href)) attributes.href = href;
  const start = element.getAttribute("start");
  if (tag === "ol" && start !== null && /^\d{1,9}$/.test(start)) attributes.start = start;
  const language = /(?:^|\s)language-([\w+-]+)/.exec(element.className)?.[1];
  if (tag === "code" && language !== undefined) attributes.language = language;
  if (tag === "span" && element.hasAttribute("data-mx-spoiler")) {
    attributes.spoiler = element.getAttribute("data-mx-spoiler") ?? "";
  }
  return attributes;
}

/** Whether a link leads where its scheme says; what a browser cannot read, it takes for a path on this server. */
export function isSafeLink(href: string): boolean {
  return /^(?:(?:https?|ftp):\/\/|mailto:|magnet:|matrix:)/i.test(href.trim()) && isAddress(href);
}

function isAddress(text: string): boolean {
  try {
    return new URL(text).href !== "";
  } catch {
    return false;
  }
}

/** Leading and trailing line breaks would stretch the bubble. */
function trim(nodes: RichNode[]): RichNode[] {
  const blank = (node: RichNode | undefined) =>
    node !== undefined && (typeof node === "string" ? node.trim() === "" : node.tag === "br");
  let start = 0;
  let end = nodes.length;
  while (start < end && blank(nodes[start])) start++;
  while (end > start && blank(nodes[end - 1])) end--;
  return nodes.slice(start, end);
}

export interface TextPart {
  text: string;
  href?: string;
}

const LINK = /\b(?:https?:\/\/|mailto:)[^\s<>"'“”‘’「」『』（）《》【】，。！？；：、]+/giu;

/** Finds web addresses in plain text. */
export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let last = 0;
  for (const match of text.matchAll(LINK)) {
    const href = trimUrl(match[0]);
    // Without the bracket that was opened before it nothing may be left.
    if (/^(?:https?:\/\/|mailto:)$/i.test(href) || !isAddress(href)) continue;
    if (match.index > last) parts.push({ text: text.slice(last, match.index) });
    parts.push({ text: href, href });
    last = match.index + href.length;
  }
  if (last < text.length) parts.push({ text: text.slice(last) });
  return parts;
}

const PUNCTUATION = ".,:;!?*_~";

/** Drops the punctuation of the sentence around an address, and a bracket that was opened before it. */
function trimUrl(url: string): string {
  let end = url.length;
  while (end > 0 && PUNCTUATION.includes(url.charAt(end - 1))) end--;
  let unopened = count(url, ")") - count(url, "(");
  for (; unopened > 0 && url[end - 1] === ")"; unopened--) end--;
  return url.slice(0, end);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

/** The user or room that a permalink (`matrix:` or matrix.to) names. */
export function permalinkTarget(href: string): { userId: string } | { room: string; eventId?: string } | undefined {
  const match = /^https:\/\/matrix\.to\/#\/([^/?]+)(?:\/([^/?]+))?/.exec(href);
  if (match?.[1] === undefined) return undefined;
  const target = decode(match[1]);
  if (target.startsWith("@")) return { userId: target };
  if (!/^[!#]/.test(target)) return undefined;
  return { room: target, eventId: match[2] === undefined ? undefined : decode(match[2]) };
}

function decode(component: string): string {
  try {
    return decodeURIComponent(component);
  } catch {
    return component;
  }
}
