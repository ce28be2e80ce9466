/** Reads SDK events into the plain values of `types.ts`. */
import { EventStatus, type MatrixEvent, RelationType, type Room, type RoomMember } from "matrix-js-sdk/lib/matrix.js";
import { cleanName, localpart } from "../lib/text.ts";
import { problemOf } from "./errors.ts";
import type { MediaSource, MessageBody, Person, RoomChange, SendStatus } from "./types.ts";

type Content = Record<string, unknown>;

export function personOf(room: Room, userId: string): Person {
  const member = room.getMember(userId);
  const person = member === null ? { id: userId, name: localpart(userId) } : personOfMember(member);
  return userId === room.myUserId ? { ...person, me: true } : person;
}

export function personOfMember(member: RoomMember): Person {
  return { id: member.userId, name: nameOf(member.name, member.userId), avatar: member.getMxcAvatarUrl() };
}

/** What somebody is called, who may have chosen no name, or none that can be shown. */
export function nameOf(chosen: string | undefined, userId: string): string {
  const name = cleanName(chosen ?? "");
  return name === "" || name === userId ? localpart(userId) : name;
}

/** What an event shows in a timeline; nothing for events that only change others or are not for people. */
export function bodyOf(event: MatrixEvent, room: Room): MessageBody | undefined {
  if (event.isState()) {
    const change = changeOf(event, room);
    return change === undefined ? undefined : { kind: "change", change };
  }
  const type = event.getType();
  if (type === "m.room.encrypted") return event.isRedacted() ? { kind: "deleted" } : { kind: "encrypted" };
  if (type !== "m.room.message" && type !== "m.sticker") return undefined;
  if (event.isRelation(RelationType.Replace)) return undefined;
  if (event.isRedacted()) return { kind: "deleted" };
  const content = event.getContent() as Content;
  return type === "m.sticker" ? mediaBody("image", content) : messageBody(content, event.replyEventId !== undefined);
}

function messageBody(content: Content, isReply: boolean): MessageBody {
  const text = isReply ? withoutReplyFallback(str(content.body) ?? "") : (str(content.body) ?? "");
  const html = content.format === "org.matrix.custom.html" ? str(content.formatted_body) : undefined;
  switch (content.msgtype) {
    case "m.text":
      return { kind: "text", style: "text", text, html };
    case "m.emote":
      return { kind: "text", style: "emote", text, html };
    case "m.notice":
      return { kind: "text", style: "notice", text, html };
    case "m.image":
      return mediaBody("image", content);
    case "m.video":
      return mediaBody("video", content);
    case "m.audio":
      return mediaBody("audio", content);
    case "m.file":
      return mediaBody("file", content);
    default:
      return { kind: "unsupported", text };
  }
}

function mediaBody(kind: "image" | "video" | "audio" | "file", content: Content): MessageBody {
  const mxc = str(content.url);
  if (mxc === undefined || !/^mxc:\/\/[^/]+\/[^/]+$/.test(mxc)) {
    return { kind: "unsupported", text: str(content.body) ?? "" };
  }
  const info = (typeof content.info === "object" && content.info !== null ? content.info : {}) as Content;
  const filename = str(content.filename);
  const body = str(content.body) ?? "";
  const media: MediaSource = {
    mxc,
    name: cleanName(filename ?? body),
    size: num(info.size),
    mimetype: str(info.mimetype),
    width: num(info.w),
    height: num(info.h),
    duration: num(info.duration),
  };
  return { kind, media, caption: filename !== undefined && filename !== body && body !== "" ? body : undefined };
}

/** Older clients repeat the quoted message at the start of the text. */
export function withoutReplyFallback(body: string): string {
  const lines = body.split("\n");
  if (!/^> (?:\* )?<@[^>]+>/.test(lines[0] ?? "")) return body;
  let index = 0;
  while (lines[index]?.startsWith("> ") || lines[index] === ">") index++;
  if (lines[index] === "") index++;
  return lines.slice(index).join("\n");
}

function changeOf(event: MatrixEvent, room: Room): RoomChange | undefined {
  const content = event.getContent() as Content;
  switch (event.getType()) {
    case "m.room.create":
      return { what: "created" };
    case "m.room.member":
      return memberChange(event, room);
    case "m.room.name":
      return isInitial(event, room) ? undefined : { what: "named", name: cleanName(str(content.name) ?? "") };
    case "m.room.topic":
      return isInitial(event, room) ? undefined : { what: "topic", topic: str(content.topic) ?? "" };
    case "m.room.avatar":
      return isInitial(event, room) ? undefined : { what: "picture" };
    case "m.room.tombstone":
      return { what: "upgraded" };
    case "m.room.encryption":
      return { what: "encryption" };
    default:
      return undefined;
  }
}

/** The state that a room is born with is said by "created the group". */
function isInitial(event: MatrixEvent, room: Room): boolean {
  const created = room.currentState.getStateEvents("m.room.create", "");
  const noPrevious = Object.keys(event.getPrevContent()).length === 0;
  return noPrevious && created !== null && event.getTs() - created.getTs() < 5000;
}

function memberChange(event: MatrixEvent, room: Room): RoomChange | undefined {
  const content = event.getContent() as Content;
  const before = event.getPrevContent() as Content;
  const userId = event.getStateKey() ?? "";
  const own = event.getSender() === userId;
  const target = personOf(room, userId);
  switch (content.membership) {
    case "join":
      if (before.membership === "join") return renamed(before, content, userId);
      return userId === room.getCreator() ? undefined : { what: "joined" };
    case "invite":
      return { what: "invited", target };
    case "knock":
      return { what: "knocked" };
    case "ban":
      return { what: "banned", target };
    case "leave":
      if (own) return before.membership === "invite" ? { what: "declined" } : { what: "left" };
      if (before.membership === "ban") return { what: "unbanned", target };
      return { what: before.membership === "invite" ? "withdrew" : "removed", target };
    default:
      return undefined;
  }
}

function renamed(before: Content, after: Content, userId: string): RoomChange | undefined {
  const from = nameOf(str(before.displayname), userId);
  const to = nameOf(str(after.displayname), userId);
  return from === to ? undefined : { what: "called", from, to };
}

export function statusOf(event: MatrixEvent): SendStatus {
  switch (event.status) {
    case EventStatus.SENDING:
    case EventStatus.QUEUED:
    case EventStatus.ENCRYPTING:
      return "sending";
    case EventStatus.NOT_SENT:
      return isWaiting(event) ? "waiting" : "failed";
    default:
      return "sent";
  }
}

/** Not sent for want of a connection: goes out by itself when there is one again. */
export function isWaiting(event: MatrixEvent): boolean {
  return event.status === EventStatus.NOT_SENT && event.error !== null && problemOf(event.error).kind === "offline";
}

function str(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function num(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
