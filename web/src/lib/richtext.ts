/**
 * What other people's HTML may become. The source is parsed in an inert document and rebuilt as a tree of the tags
 * and attributes that the Matrix specification allows; nothing of the original markup reaches the page.
 */
import { isMxc } from "./imagepacks.ts";

export type RichNode = string | RichElement;

export interface RichElement {
  tag: string;
  /** Only checked values: `href`, `start`, `language`, `spoiler`, `maths`; of a picture (`emote`) `src`, `alt`, `title`. */
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
  return nodes
    .map((node) =>
      typeof node === "string" ? node : node.tag === "emote" ? emoteText(node) : plainText(node.children),
    )
    .join("");
}

/** How a picture stands in a text without pictures. */
function emoteText({ attributes: { title = "", alt = "" } }: RichElement): string {
  return title === "" ? alt : `:${title.replace(/^:|:$/g, "")}:`;
}

/** The pictures within a message. */
export function emotesIn(nodes: readonly RichNode[]): { code: string; mxc: string; name: string }[] {
  return nodes.flatMap((node) => {
    if (typeof node === "string") return [];
    if (node.tag !== "emote") return emotesIn(node.children);
    const { src: mxc = "", alt: name = "" } = node.attributes;
    return [{ code: emoteText(node).replaceAll(":", ""), mxc, name }];
  });
}

/** Elements that stand apart from what is before and after them. */
const APART = new Set(
  "blockquote br caption details div h1 h2 h3 h4 h5 h6 hr li ol p pre summary table tbody td th thead tr ul".split(" "),
);
const SUMMARIES = 500;
const summaries = new Map<string, string>();

/**
 * A formatted message as one line of words: without marks, and with its spoilers hidden. The last ones are remembered,
 * because lists ask for them again and again.
 */
export function summaryOf(html: string): string {
  let summary = summaries.get(html);
  if (summary === undefined) {
    summary = words(parseRichText(html)).replace(/\s+/g, " ").trim();
    if (summaries.size >= SUMMARIES) summaries.delete(summaries.keys().next().value ?? "");
    summaries.set(html, summary);
  }
  return summary;
}

function words(nodes: readonly RichNode[]): string {
  return nodes
    .map((node) => {
      if (typeof node === "string") return node;
      if (node.attributes.spoiler !== undefined) return "▒▒▒";
      if (node.tag === "emote") return emoteText(node);
      const inner = words(node.children);
      return APART.has(node.tag) ? ` ${inner} ` : inner;
    })
    .join("");
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
  if (tag === "img") return [emoteOf(element) ?? element.getAttribute("alt") ?? element.getAttribute("title") ?? ""];
  const children = childrenOf(element, depth + 1);
  if (!ALLOWED.has(tag)) return children;
  const attributes = attributesOf(element, tag);
  if (tag === "a" && attributes.href === undefined) return children;
  return [{ tag, attributes, children }];
}

/** A picture within a text; one from anywhere but the homeserver would tell others who reads (spec: "Image packs"). */
function emoteOf(element: Element): RichElement | undefined {
  const src = element.getAttribute("src") ?? "";
  if (!element.hasAttribute("data-mx-emoticon") || !isMxc(src)) return undefined;
  const code = (element.getAttribute("title") ?? "").slice(0, 100);
  const alt = (element.getAttribute("alt") ?? "").slice(0, 200) || code;
  return { tag: "emote", attributes: { src, alt, title: code }, children: [] };
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
  const maths = element.getAttribute("data-mx-maths");
  if ((tag === "span" || tag === "div") && maths !== null) attributes.maths = maths;
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

const LINK =
  /\b(?:https?:\/\/|mailto:|matrix:(?=(?:u|user|r|room|roomid)\/))[^\s<>"'“”‘’「」『』（）《》【】，。！？；：、]+/giu;

/** Finds web addresses in plain text. */
export function linkify(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let last = 0;
  for (const match of text.matchAll(LINK)) {
    const href = trimUrl(match[0]);
    // Without the bracket that was opened before it nothing may be left.
    if (/^(?:https?:\/\/|mailto:|matrix:)$/i.test(href) || !isAddress(href)) continue;
    if (match.index > last) parts.push({ text: text.slice(last, match.index) });
    parts.push({ text: href, href });
    last = match.index + href.length;
  }
  if (last < text.length) parts.push({ text: text.slice(last) });
  return parts;
}

/** The first web address in a text that leads out of this client, which is at `origin`. */
export function firstLink(text: string, origin?: string): string | undefined {
  if (!text.includes("://")) return undefined;
  return linkify(text).find(
    ({ href }) => href !== undefined && /^https?:/i.test(href) && permalinkTarget(href, origin) === undefined,
  )?.href;
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

export type LinkTarget = { userId: string } | { room: string; eventId?: string };

/** The user, room or event that a link names: `matrix:`, matrix.to, or an address of this client at `origin`. */
export function permalinkTarget(href: string, origin?: string): LinkTarget | undefined {
  const path =
    /^https:\/\/matrix\.to\/#\/([^?]*)/i.exec(href)?.[1] ??
    (origin !== undefined && href.startsWith(`${origin}/room/`)
      ? href.slice(`${origin}/room/`.length).replace(/[?#].*$/s, "")
      : undefined);
  if (path === undefined) return matrixUri(href);
  const [target, event] = path.split("/").map(decode);
  if (target === undefined || target.length < 2) return undefined;
  if (target.startsWith("@")) return { userId: target };
  return /^[!#]/.test(target) ? roomTarget(target, event) : undefined;
}

/** `matrix:u/ana:example.org`, `matrix:r/tea:example.org/e/event` (appendices, "Matrix URI scheme"). */
function matrixUri(href: string): LinkTarget | undefined {
  const path = /^matrix:(?:\/\/[^/]*\/)?([^?#]*)/i.exec(href)?.[1];
  const [kind, id, eventKind, event] = path?.split("/").map(decode) ?? [];
  if (id === undefined || id === "") return undefined;
  const eventId = (eventKind === "e" || eventKind === "event") && event ? `$${event}` : undefined;
  switch (kind) {
    case "u":
    case "user":
      return { userId: `@${id}` };
    case "r":
    case "room":
      return roomTarget(`#${id}`, eventId);
    case "roomid":
      return roomTarget(`!${id}`, eventId);
    default:
      return undefined;
  }
}

function roomTarget(room: string, eventId: string | undefined): LinkTarget {
  return { room, eventId: eventId?.startsWith("$") === true ? eventId : undefined };
}

function decode(component: string): string {
  try {
    return decodeURIComponent(component);
  } catch {
    return component;
  }
}
