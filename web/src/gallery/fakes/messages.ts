/** Messages of every kind, and in every state. */
import type { MediaSource, MessageBody, MessageSummary, Person, Reaction, TimelineEvent } from "../../matrix/types.ts";
import { ago, MINUTE } from "./world.ts";

let made = 0;

/** A message that has arrived, unless `part` says something else. */
export function message(sender: Person, body: MessageBody | string, part: Partial<TimelineEvent> = {}): TimelineEvent {
  const key = `message-${++made}`;
  const own = sender.me === true;
  return {
    key,
    id: `$${key}`,
    sender,
    own,
    timestamp: ago(10 * MINUTE),
    body: typeof body === "string" ? text(body) : body,
    status: "sent",
    edited: false,
    reactions: [],
    readBy: [],
    can: { edit: own, delete: own, react: true },
    ...part,
  };
}

/** One that is not confirmed by the server. */
export function unsent(sender: Person, body: MessageBody | string, part: Partial<TimelineEvent>): TimelineEvent {
  return message(sender, body, { id: undefined, can: { edit: false, delete: false, react: false }, ...part });
}

export function summary({ id = "", sender, own, timestamp, body }: TimelineEvent, roomId: string): MessageSummary {
  return { roomId, id, sender, own, timestamp, body };
}

export function text(words: string, html?: string): MessageBody {
  return { kind: "text", style: "text", text: words, ...(html === undefined ? {} : { html }) };
}

export function picture(name: string, width = 1200, height = 800, part: Partial<MediaSource> = {}): MediaSource {
  return {
    mxc: `mxc://gallery/${name}`,
    name: `${name}.jpg`,
    mimetype: "image/jpeg",
    size: 340_000,
    width,
    height,
    ...part,
  };
}

export function film(name: string): MediaSource {
  const poster = `mxc://gallery/${name}`;
  return {
    mxc: `${poster}-film`,
    name: `${name}.mp4`,
    size: 12_400_000,
    width: 1280,
    height: 720,
    duration: 74_000,
    poster,
  };
}

export function sound(name: string): MediaSource {
  return { mxc: "mxc://gallery/sound", name, mimetype: "audio/ogg", size: 2_300_000, duration: 187_000 };
}

export function voice(): MediaSource {
  const waveform = Array.from({ length: 60 }, (_, at) => Math.abs(Math.sin(at / 3) * Math.cos(at / 11)));
  return { mxc: "mxc://gallery/voice", name: "voice.ogg", mimetype: "audio/ogg", duration: 14_000, waveform };
}

export function file(name: string, size = 48_000): MediaSource {
  return { mxc: `mxc://gallery/${name}`, name, size };
}

export function reaction(emoji: string, people: readonly Person[], part: Partial<Reaction> = {}): Reaction {
  const mine = people.some(({ me }) => me === true) ? { mine: `$mine-${emoji}` } : {};
  return { emoji, count: people.length, names: people.map(({ name }) => name), people, ...mine, ...part };
}
