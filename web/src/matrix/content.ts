/** What messages say, as the events that carry it. Nothing here sends. */
import { EFFECT_TYPES, type Effect } from "../lib/effects.ts";
import { type Emote, escapeHtml, formatMarkdown, type Mention } from "../lib/markdown.ts";
import { geoUri } from "../lib/places.ts";
import type { Place } from "./types.ts";
import { emotesIn, parseRichText, permalinkTarget, plainText, type RichNode } from "../lib/richtext.ts";

/** What is known of a text besides its characters. */
export interface TextExtras {
  /** Who and which rooms may be meant by which words. */
  mentions?: readonly Mention[];
  /** Pictures that stand in it as `:code:`. */
  emotes?: readonly Emote[];
  /** `@room` means everybody. */
  everyone?: boolean;
  /** "emote" is something that the sender does; a "notice" makes no sound and counts as nothing unread. */
  style?: "text" | "emote" | "notice";
  /** What it does on the screens of those who see it arrive. */
  effect?: Effect;
  /** Markdown unless said otherwise; "plain" is sent as it is. */
  format?: "markdown" | "plain" | "html" | "spoiler";
  /** Of an edit: who the message mentioned before. They are not told again. */
  mentionedBefore?: readonly string[];
}

export type TextContent = Record<string, unknown> & { body: string; formatted_body?: string };

/** What is added to the content of a file. */
export type FileExtra = Readonly<Record<string, unknown>>;

const TYPES = { text: "m.text", emote: "m.emote", notice: "m.notice" } as const;

/** A text message. `answered` is whom it replies to. */
export function textContent(source: string, extras: TextExtras = {}, answered?: string): TextContent {
  const { body, formattedBody, mentioned } = format(source, extras);
  const users = mentioned.filter((id) => id.startsWith("@"));
  if (answered !== undefined && !users.includes(answered)) users.push(answered);
  const content: TextContent = {
    msgtype: extras.effect === undefined ? TYPES[extras.style ?? "text"] : EFFECT_TYPES[extras.effect],
    body,
    // Saying that nobody is mentioned keeps servers from guessing it from the words.
    "m.mentions": mentions(users, extras.everyone === true && namesEveryone(source)),
  };
  if (formattedBody === undefined) return content;
  return { ...content, format: "org.matrix.custom.html", formatted_body: formattedBody };
}

/** The replacement of a message. Who was mentioned before is not told a second time. */
export function editContent(eventId: string, source: string, extras: TextExtras = {}): TextContent {
  const replacement = textContent(source, extras);
  const users = (replacement["m.mentions"] as { user_ids?: string[] }).user_ids ?? [];
  const added = users.filter((id) => extras.mentionedBefore?.includes(id) !== true);
  return {
    ...replacement,
    body: `* ${replacement.body}`,
    ...(replacement.formatted_body === undefined ? {} : { formatted_body: `* ${replacement.formatted_body}` }),
    "m.mentions": mentions(added, false),
    "m.new_content": replacement,
    "m.relates_to": { rel_type: "m.replace", event_id: eventId },
  };
}

/** Pictures that were sent together have the same value here: they are shown as one. To other clients they are pictures. */
export const ALBUM = "im2.album";

/** A caption beside a file whose name is kept. */
export function captionContent(filename: string, caption: string): FileExtra | undefined {
  return caption.trim() === "" ? undefined : { body: caption.trim(), filename };
}

/** What a sound says of itself to be a voice message: milliseconds, and loudnesses from 0 to 1024 (MSC1767, MSC3245). */
export function voiceContent(
  duration: number,
  waveform: readonly number[],
  file: { size: number; type: string },
): FileExtra {
  return {
    info: { mimetype: file.type, size: file.size, duration },
    "org.matrix.msc1767.audio": { duration, waveform },
    "org.matrix.msc3245.voice": {},
  };
}

/** Where something is; `now` is when it was there, in milliseconds since the epoch (MSC3488 for what newer clients read). */
export function placeContent(place: Place, now: number): Record<string, unknown> {
  const uri = geoUri(place);
  const label = place.label.trim();
  return {
    msgtype: "m.location",
    body: label === "" ? uri : `${label} ${uri}`,
    geo_uri: uri,
    "org.matrix.msc3488.location": { uri, ...(label === "" ? {} : { description: label }) },
    "org.matrix.msc3488.asset": { type: place.own === true ? "m.self" : "m.pin" },
    "org.matrix.msc3488.ts": now,
    "m.mentions": {},
  };
}

function format(source: string, { format, mentions, emotes }: TextExtras): ReturnType<typeof formatMarkdown> {
  switch (format) {
    case "plain":
      return { body: source, mentioned: [] };
    case "html":
      return { body: plainText(parseRichText(source)), formattedBody: source, mentioned: [] };
    case "spoiler": {
      const { formattedBody = escapeHtml(source).replace(/\n/g, "<br>"), mentioned } = formatMarkdown(
        source,
        mentions,
        emotes,
      );
      const hidden = `<span data-mx-spoiler="">${formattedBody}</span>`;
      return { body: `||${source}||`, formattedBody: hidden, mentioned };
    }
    default:
      return formatMarkdown(source, mentions, emotes);
  }
}

export function namesEveryone(text: string): boolean {
  return /(?<![A-Za-z0-9_])@room(?![A-Za-z0-9_])/.test(text);
}

function mentions(users: readonly string[], everyone: boolean): Record<string, unknown> {
  return { ...(users.length > 0 ? { user_ids: [...users] } : {}), ...(everyone ? { room: true } : {}) };
}

/**
 * The text of a message to be edited, with those whom its links mention. Where another client has linked a bare name, the
 * sign is put before it, so that it is found again.
 */
export function editableText(
  text: string,
  html: string | undefined,
): { text: string; mentions: Mention[]; emotes: Emote[] } {
  const found: Mention[] = [];
  let rest = text;
  let done = "";
  const nodes = html === undefined ? [] : parseRichText(html);
  for (const { label, id } of linksOf(nodes)) {
    const sign = id.startsWith("@") ? "@" : "#";
    const signed = label.startsWith(sign) ? label : `${sign}${label}`;
    const index = label === "" ? -1 : rest.indexOf(label);
    if (index < 0) continue;
    const before = signed !== label && rest[index - 1] === sign ? rest.slice(0, index - 1) : rest.slice(0, index);
    done += before + signed;
    rest = rest.slice(index + label.length);
    if (!found.some((mention) => mention.id === id)) found.push({ label: signed, id });
  }
  return { text: done + rest, mentions: found, emotes: emotesIn(nodes) };
}

function linksOf(nodes: readonly RichNode[]): Mention[] {
  return nodes.flatMap((node) => {
    if (typeof node === "string") return [];
    const target = node.attributes.href === undefined ? undefined : permalinkTarget(node.attributes.href);
    if (target === undefined) return linksOf(node.children);
    if ("userId" in target) return [{ label: plainText(node.children), id: target.userId }];
    return target.eventId === undefined ? [{ label: plainText(node.children), id: target.room }] : [];
  });
}
