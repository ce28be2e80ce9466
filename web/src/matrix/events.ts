/** Reads SDK events into the plain values of `types.ts`. */
import { DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api/index.js";
import { type MatrixEvent, RelationType, type RoomMember } from "matrix-js-sdk/lib/matrix.js";
import { EFFECT_TYPES, effectOf } from "../lib/effects.ts";
import { isVideo } from "../lib/callmembers.ts";
import { CALL_NOTICE } from "../lib/calloutcomes.ts";
import { BLURHASH, moves } from "../lib/gifs.ts";
import { readWaveform } from "../lib/voice.ts";
import { isPollStart, readPoll } from "../lib/polls.ts";
import { readGeoUri } from "../lib/places.ts";
import { SERVER_ACL } from "../lib/serveracl.ts";
import { SLOW_MODE } from "../lib/slowmode.ts";
import { cleanName, localpart } from "../lib/text.ts";
import { ALBUM } from "./content.ts";
import { encryptedMxc, isEncryptedFile } from "./crypto/reference.ts";
import type { MediaSource, MessageBody, Person, RoomChange, Undecrypted } from "./types.ts";

type Content = Record<string, unknown>;

/** What is asked of a room to put one of its events into words. A summary can answer it, too (`rooms/summary.ts`). */
export interface RoomView {
  readonly myUserId: string;
  getMember(userId: string): Pick<RoomMember, "userId" | "name" | "getMxcAvatarUrl"> | null;
  getCreator(): string | null;
  readonly currentState: { getStateEvents(type: string, stateKey: string): MatrixEvent | null };
}

export function personOf(room: RoomView, userId: string): Person {
  const member = room.getMember(userId);
  const person = member === null ? { id: userId, name: localpart(userId) } : personOfMember(member);
  return userId === room.myUserId ? { ...person, me: true } : person;
}

export function personOfMember(member: Pick<RoomMember, "userId" | "name" | "getMxcAvatarUrl">): Person {
  return { id: member.userId, name: nameOf(member.name, member.userId), avatar: member.getMxcAvatarUrl() };
}

/** What somebody is called, who may have chosen no name, or none that can be shown. */
export function nameOf(chosen: string | undefined, userId: string): string {
  const name = cleanName(chosen ?? "");
  // In rooms the SDK writes the id behind a name that several have.
  const bare = name.endsWith(`(${userId})`) ? cleanName(name.slice(0, -userId.length - 2)) : name;
  return bare === "" || name === userId ? localpart(userId) : name;
}

/** What an event shows in a timeline; nothing for events that only change others or are not for people. */
export function bodyOf(event: MatrixEvent, room: RoomView): MessageBody | undefined {
  if (event.isState()) {
    const change = changeOf(event, room);
    return change === undefined ? undefined : { kind: "change", change };
  }
  const type = event.getType();
  if (event.isRelation(RelationType.Replace)) return undefined;
  if (type === "m.room.encrypted" || event.isDecryptionFailure()) {
    // An encrypted reaction or vote that cannot be read is no message.
    if (event.isRelation(RelationType.Annotation) || event.isRelation("m.reference")) return undefined;
    return event.isRedacted() ? { kind: "deleted" } : { kind: "encrypted", why: undecrypted(event) };
  }
  if (isPollStart(type)) return pollBody(event);
  if (type === CALL_NOTICE && !event.isRedacted())
    return { kind: "change", change: { what: "call", video: isVideo(event.getContent()) } };
  if (type !== "m.room.message" && type !== "m.sticker") return fallbackOf(event);
  if (isVerification(event)) return undefined;
  if (event.isRedacted()) return { kind: "deleted", reason: redactionReason(event) };
  const content = event.getContent() as Content;
  return type === "m.sticker" ? stickerBody(content) : messageBody(content, event.replyEventId !== undefined);
}

/** Requests to compare emoji come as messages; they are shown as what they are, not in the timeline. */
function isVerification(event: MatrixEvent): boolean {
  return event.getContent().msgtype === "m.key.verification.request";
}

const UNDECRYPTED: Partial<Record<DecryptionFailureCode, Undecrypted>> = {
  [DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID]: "no-key",
  [DecryptionFailureCode.OLM_UNKNOWN_MESSAGE_INDEX]: "no-key",
  [DecryptionFailureCode.MEGOLM_KEY_WITHHELD]: "withheld",
  [DecryptionFailureCode.MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE]: "withheld-unverified",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_NO_KEY_BACKUP]: "history-lost",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_BACKUP_UNCONFIGURED]: "history-unverified",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_WORKING_BACKUP]: "history-missing",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_USER_NOT_JOINED]: "not-member",
  [DecryptionFailureCode.SENDER_IDENTITY_PREVIOUSLY_VERIFIED]: "identity-changed",
  [DecryptionFailureCode.UNSIGNED_SENDER_DEVICE]: "unknown-device",
  [DecryptionFailureCode.UNKNOWN_SENDER_DEVICE]: "unknown-device",
};

function undecrypted(event: MatrixEvent): Undecrypted {
  const reason = event.decryptionFailureReason;
  return reason === null ? "decrypting" : (UNDECRYPTED[reason] ?? "damaged");
}

function messageBody(content: Content, isReply: boolean): MessageBody {
  const text = isReply ? withoutReplyFallback(str(content.body) ?? "") : (str(content.body) ?? "");
  const html = content.format === "org.matrix.custom.html" ? str(content.formatted_body) : undefined;
  switch (content.msgtype) {
    case "m.text":
    case EFFECT_TYPES.confetti:
    case EFFECT_TYPES.fireworks:
    case EFFECT_TYPES.hearts:
    case EFFECT_TYPES.snowfall: {
      const effect = effectOf(content.msgtype, text);
      return { kind: "text", style: "text", text, html, ...(effect === undefined ? {} : { effect }) };
    }
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
    case "m.location":
      return locationBody(content, text);
    default:
      return { kind: "unsupported", text, type: str(content.msgtype) ?? "m.room.message" };
  }
}

/** Text that an event of a type unknown here carries for clients like this one (MSC1767, older and newer form). */
function fallbackOf(event: MatrixEvent): MessageBody | undefined {
  if (event.isRelation() || event.isRedacted()) return undefined;
  const content = event.getContent() as Content;
  const blocks: unknown = content["m.text"];
  const block = Array.isArray(blocks) ? (blocks[0] as Content | undefined)?.body : blocks;
  const text = str(block) ?? str(content["org.matrix.msc1767.text"]) ?? str(content.body);
  return text === undefined ? undefined : { kind: "unsupported", text, type: event.getType() };
}

function pollBody(event: MatrixEvent): MessageBody | undefined {
  if (event.isRelation(RelationType.Replace)) return undefined;
  if (event.isRedacted()) return { kind: "deleted", reason: redactionReason(event) };
  const poll = readPoll(event.getContent());
  return poll === undefined ? fallbackOf(event) : { kind: "poll", poll };
}

function stickerBody(content: Content): MessageBody {
  const body = mediaBody("image", content);
  return body.kind === "image" ? { kind: "sticker", media: body.media } : body;
}

function locationBody(content: Content, text: string): MessageBody {
  const place = readGeoUri(str(content.geo_uri) ?? "");
  if (place === undefined) return { kind: "unsupported", text, type: "m.location" };
  return { kind: "location", place: { ...place, label: text.replace(/\bgeo:\S+/, "").trim() } };
}

function redactionReason(event: MatrixEvent): string | undefined {
  const because = event.getUnsigned().redacted_because?.content as Content | undefined;
  return str(because?.reason)?.trim() || undefined;
}

function mxcOf(value: unknown): string | undefined {
  const mxc = str(value);
  return mxc !== undefined && /^mxc:\/\/[^/]+\/[^/]+$/.test(mxc) ? mxc : undefined;
}

function mediaBody(kind: "image" | "video" | "audio" | "file", content: Content): MessageBody {
  const info = (typeof content.info === "object" && content.info !== null ? content.info : {}) as Content;
  const thumbnail = isEncryptedFile(info.thumbnail_file) ? info.thumbnail_file : undefined;
  const mxc = isEncryptedFile(content.file)
    ? encryptedMxc({ file: content.file, mimetype: str(info.mimetype), thumbnail })
    : str(content.url);
  if (mxc === undefined || !/^mxc:\/\/[^/]+\/[^/]+$/.test(mxc)) {
    return { kind: "unsupported", text: str(content.body) ?? "", type: str(content.msgtype) ?? "m.sticker" };
  }
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
    ...(kind === "audio" && "org.matrix.msc3245.voice" in content ? voiceOf(content) : {}),
    poster: kind === "video" ? mxcOf(info.thumbnail_url) : undefined,
    ...(kind === "image" ? movingOf(info) : {}),
  };
  const album = str(content[ALBUM]);
  return {
    kind,
    media,
    caption: filename !== undefined && filename !== body && body !== "" ? body : undefined,
    ...(album === undefined ? {} : { album }),
  };
}

/** What those need who keep a picture that moves, to send it again. */
function movingOf(info: Content): Pick<MediaSource, "animated" | "poster" | "blurhash"> {
  const mimetype = str(info.mimetype);
  // Clients wrote it under the second name until Matrix 1.18.
  const said = info.is_animated ?? info["org.matrix.msc4230.is_animated"];
  const animated = typeof said === "boolean" ? { animated: said } : {};
  if (!moves({ mimetype, ...animated })) return animated;
  return { ...animated, poster: mxcOf(info.thumbnail_url), blurhash: str(info[BLURHASH]) };
}

function voiceOf(content: Content): Pick<MediaSource, "waveform"> & { duration?: number } {
  const audio = content["org.matrix.msc1767.audio"];
  const { duration, waveform } = (typeof audio === "object" && audio !== null ? audio : {}) as Content;
  const milliseconds = num(duration);
  return { waveform: readWaveform(waveform) ?? [], ...(milliseconds === undefined ? {} : { duration: milliseconds }) };
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

function changeOf(event: MatrixEvent, room: RoomView): RoomChange | undefined {
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
    case SLOW_MODE:
      return { what: "slowed" };
    case SERVER_ACL:
      return isInitial(event, room) ? undefined : { what: "servers" };
    case "m.room.guest_access":
      if (isInitial(event, room)) return undefined;
      return guestChange(event);
    case "m.room.join_rules":
      if (isInitial(event, room) || !isNew(event, "join_rule")) return undefined;
      return { what: "admission", who: oneOf(ADMISSIONS, content.join_rule) ?? "other" };
    case "m.room.history_visibility": {
      const who = oneOf(HISTORIES, content.history_visibility);
      if (who === undefined || isInitial(event, room) || !isNew(event, "history_visibility")) return undefined;
      return { what: "history", who };
    }
    case "m.room.pinned_events":
      return { what: "pinned" };
    case "m.room.encryption":
      return { what: "encryption" };
    default:
      return undefined;
  }
}

const ADMISSIONS = ["invite", "knock", "public"] as const;
const HISTORIES = ["joined", "invited", "shared", "world_readable"] as const;

function oneOf<const T>(values: readonly T[], value: unknown): T | undefined {
  return values.find((one) => one === value);
}

/** Whether a state event says something else than the one before it. */
function isNew(event: MatrixEvent, field: string): boolean {
  return event.getContent()[field] !== event.getPrevContent()[field];
}

/** Without a word about guests they are not let in. */
function guestChange(event: MatrixEvent): RoomChange | undefined {
  const [before, after] = [event.getPrevContent(), event.getContent()].map((said) => said.guest_access === "can_join");
  return before === after ? undefined : { what: after ? "guestsIn" : "guestsOut" };
}

/** One request makes a room with its first state, in milliseconds; people take longer to change something by hand. */
const CREATION_MS = 1000;

/** The state that a room is born with is said by "created the group". */
function isInitial(event: MatrixEvent, room: RoomView): boolean {
  const created = room.currentState.getStateEvents("m.room.create", "");
  const noPrevious = Object.keys(event.getPrevContent()).length === 0;
  return noPrevious && created !== null && event.getTs() - created.getTs() < CREATION_MS;
}

function memberChange(event: MatrixEvent, room: RoomView): RoomChange | undefined {
  const content = event.getContent() as Content;
  const before = event.getPrevContent() as Content;
  const userId = event.getStateKey() ?? "";
  const own = event.getSender() === userId;
  const target = personOf(room, userId);
  const reason = str(content.reason)?.trim() || undefined;
  switch (content.membership) {
    case "join":
      if (before.membership === "join") return renamed(before, content, userId);
      return userId === room.getCreator() ? undefined : { what: "joined" };
    case "invite":
      return { what: "invited", target, reason: noteIn(content) };
    case "knock":
      return { what: "knocked", reason };
    case "ban":
      return { what: "banned", target, reason };
    case "leave":
      if (own) return { what: before.membership === "invite" ? "declined" : "left", reason };
      if (before.membership === "ban") return { what: "unbanned", target };
      if (before.membership === "knock") return { what: "refused", target, reason };
      return { what: before.membership === "invite" ? "withdrew" : "removed", target, reason };
    default:
      return undefined;
  }
}

/** What somebody may write with an invitation. */
const NOTE_LIMIT = 500;

/** The words that came with an invitation. */
export function noteIn({ reason }: Readonly<Record<string, unknown>>): string | undefined {
  return typeof reason === "string" ? cleanName(reason.slice(0, NOTE_LIMIT)) || undefined : undefined;
}

function renamed(before: Content, after: Content, userId: string): RoomChange | undefined {
  const from = nameOf(str(before.displayname), userId);
  const to = nameOf(str(after.displayname), userId);
  return from === to ? undefined : { what: "called", from, to };
}

function str(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function num(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
