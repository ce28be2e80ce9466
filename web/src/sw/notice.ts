/** Reads what the server pushes (Push Gateway API, MSC4174), and says what is shown of it. */
import type { Catalogue } from "../i18n/en.ts";
import { push as en } from "../i18n/en/push.ts";
import { type Translate, translator } from "../i18n/translate.ts";
import { push as zh } from "../i18n/zh/push.ts";
import { isQuiet } from "../lib/quiet.ts";
import { cleanName, localpart } from "../lib/text.ts";
import type { PushOptions } from "./store.ts";

/** What is known of an event; the rest has to be asked for. */
export interface PushedEvent {
  type?: string;
  sender?: string;
  senderName?: string;
  roomName?: string;
  content?: Readonly<Record<string, unknown>>;
}

export type PushMessage =
  /** The server asks whether its messages arrive. */
  | { kind: "activation"; appId: string; token: string }
  /** Only the number of what is unread has changed. */
  | { kind: "counts"; userId?: string; unread: number }
  | {
      kind: "event";
      userId?: string;
      roomId: string;
      eventId: string;
      unread?: number;
      /** The push rules ask for a sound. */
      sound: boolean;
      event: PushedEvent;
    };

/** Notifications of calls, by their later and their present name. */
const CALLS = /^(?:m|org\.matrix\.msc4075)\.rtc\.notification$/;

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const number = (value: unknown) => (typeof value === "number" && value >= 0 ? Math.floor(value) : undefined);

export function readPush(payload: unknown): PushMessage | undefined {
  const message = fieldsOf(payload);
  const [appId, token] = [text(message.app_id), text(message.ack_token)];
  if (appId !== undefined && token !== undefined) return { kind: "activation", appId, token };
  const notification = fieldsOf(message.notification);
  const [roomId, eventId] = [text(notification.room_id), text(notification.event_id)];
  const device = fieldsOf(Array.isArray(notification.devices) ? notification.devices[0] : undefined);
  const userId = text(fieldsOf(device.data).account);
  const unread = number(fieldsOf(notification.counts).unread);
  if (roomId === undefined || eventId === undefined) {
    return unread === undefined ? undefined : { kind: "counts", userId, unread };
  }
  const content = notification.content;
  const event = {
    type: text(notification.type),
    sender: text(notification.sender),
    senderName: text(notification.sender_display_name),
    roomName: text(notification.room_name),
    content: typeof content === "object" && content !== null ? (content as Fields) : undefined,
  };
  const sound = text(fieldsOf(device.tweaks).sound) !== undefined;
  return { kind: "event", userId, roomId, eventId, unread, sound, event };
}

/** Whether this is a moment to show something. */
export function isMoment({ quiet }: PushOptions, now: number): boolean {
  return !isQuiet(quiet, now);
}

/** The title by sender and room, and what is said. */
export function describe(event: PushedEvent, options: PushOptions, now = Date.now()): { title: string; body: string } {
  const t = wordsOf(options);
  const name = senderName(event);
  const room = cleanName(event.roomName ?? "");
  if (event.type === "m.room.member") {
    const knock = event.content?.membership === "knock";
    const body = room === "" ? t("push.invite") : t(knock ? "push.knock" : "push.invite.room", { room });
    return { title: name, body };
  }
  const title = name === "" ? room : room === "" || room === name ? name : t("push.title", { name, room });
  const body = callOf(event, now, t) ?? (options.preview ? bodyOf(event, name, t) : undefined);
  return { title: title === "" ? t("push.message") : title, body: body ?? (title === "" ? "" : t("push.message")) };
}

function senderName({ sender = "", senderName = "" }: PushedEvent): string {
  const name = cleanName(senderName);
  return name === "" || name === sender ? localpart(sender) : name;
}

/** Somebody calls (MSC4075), or has called while this device could not be reached. That is no content to be hidden. */
function callOf({ type = "", content = {} }: PushedEvent, now: number, t: Translate): string | undefined {
  if (!CALLS.test(type)) return undefined;
  if ((content.notification_type ?? "ring") !== "ring") return t("push.call.group");
  const [sent, lifetime] = [number(content.sender_ts), number(content.lifetime)];
  const isOver = sent !== undefined && lifetime !== undefined && sent + lifetime < now;
  return t(isOver ? "push.call.over" : "push.call");
}

/** Nothing for what cannot be read here, as what is encrypted. */
function bodyOf({ type, content = {} }: PushedEvent, name: string, t: Translate): string | undefined {
  if (type === "m.sticker") return t("push.sticker");
  const poll = fieldsOf(content["m.poll"] ?? content["org.matrix.msc3381.poll.start"]);
  const question = pollQuestion(poll);
  if (question !== undefined) return t("push.poll", { question });
  if (type !== "m.room.message") return undefined;
  const said = oneLine(withoutQuote(text(content.body) ?? ""));
  const named = text(content.filename);
  const caption = named !== undefined && named !== content.body && said !== "" ? said : undefined;
  switch (content.msgtype) {
    case "m.text":
    case "m.notice":
      return said === "" ? undefined : said;
    case "m.emote":
      return t("push.emote", { name, text: said });
    case "m.image":
      return caption ?? t("push.photo");
    case "m.video":
      return caption ?? t("push.video");
    case "m.audio":
      return caption ?? t("push.audio");
    case "m.file":
      return caption ?? t("push.file", { name: named ?? said });
    case "m.location":
      return t("push.location");
    default:
      return said === "" ? undefined : said;
  }
}

/** The question in its stable and its older form. */
function pollQuestion({ question }: Fields): string | undefined {
  const fields = fieldsOf(question);
  const blocks = fields["m.text"];
  const block = Array.isArray(blocks) ? fieldsOf(blocks[0]).body : blocks;
  const found = text(block) ?? text(fields["org.matrix.msc1767.text"]) ?? text(fields.body);
  return found === undefined ? undefined : oneLine(found);
}

/** The quoted lines that older clients put in front of a reply. */
function withoutQuote(body: string): string {
  return body.startsWith("> <") ? body.replace(/^(?:>.*\n)+\n?/, "") : body;
}

function oneLine(said: string): string {
  return said.slice(0, 300).replace(/\s+/g, " ").trim();
}

function wordsOf({ catalogue, locale }: PushOptions): Translate {
  // Of the catalogue, only what is here is ever asked for.
  return translator({ en, zh }[catalogue] as Partial<Catalogue> as Catalogue, locale);
}
