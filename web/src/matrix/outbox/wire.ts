/**
 * The way of outgoing things to the server: requests of our own, so that the SDK keeps no echo of them and never refuses to
 * send behind one that failed. In encrypted rooms events and files are encrypted on the way.
 */
import { type MatrixClient, MatrixEvent, Method, type Room } from "matrix-js-sdk/lib/matrix.js";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import { MatrixHttpError, ProblemError } from "../errors.ts";
import type { Rooms } from "../rooms/rooms.ts";
import type { Tokens } from "../tokens.ts";
import { isPost, pauseLeft } from "../../lib/slowmode.ts";
import { ALBUM } from "../content.ts";
import { lastPost, paceOf } from "../pace.ts";
import { looksOf } from "../pictures.ts";
import { type Attachment, type Content, type FileKeys, type OutboxItem, relationOf, withAddresses } from "./item.ts";
import type { Prepared, Transport } from "./sender.ts";

/** What encryption has to offer to the outbox. */
export interface Encryption {
  /** The engine, once it is loaded; nothing where it cannot be. */
  engine(): Promise<CryptoBackend | undefined>;
  /** Whether the engine knows a room to be encrypted, whatever the server says. */
  remembers(roomId: string): Promise<boolean>;
  /** Refuses to send to whom one should not, with an error in words. */
  check(engine: CryptoBackend | undefined, room: Room): Promise<void>;
  /** Encrypts a file; its keys go into the event. */
  attachment(blob: Blob): Promise<{ blob: Blob; keys: FileKeys }>;
  /** A smaller, still copy of a picture, which the server cannot make of what it cannot read. None where none is needed. */
  thumbnail(picture: Blob, animated: boolean): Promise<{ blob: Blob; width: number; height: number } | undefined>;
}

/** A message that the server has taken. */
interface Post {
  id: string | undefined;
  time: number;
  album: unknown;
}

function relTypeOf(content: Content): string | undefined {
  const type = relationOf(content)?.rel_type;
  return typeof type === "string" ? type : undefined;
}

/** An upload that has not moved for so long has lost its connection, in milliseconds. */
const STALLED_AFTER = 60_000;

export class Wire implements Transport {
  /** By room: when its last message was taken, which the sync may not have brought yet. */
  private readonly posted = new Map<string, Post>();

  constructor(
    private readonly client: MatrixClient,
    private readonly homeserver: string,
    private readonly tokens: Tokens,
    private readonly encryption?: Encryption,
    private readonly rooms?: Pick<Rooms, "require">,
  ) {}

  async send(item: OutboxItem, signal: AbortSignal): Promise<string> {
    const { action } = item;
    const room = encodeURIComponent(item.roomId);
    const txnId = encodeURIComponent(item.txnId);
    if (action.kind === "redaction") {
      const body = action.reason === undefined ? {} : { reason: action.reason };
      return this.put(`/rooms/${room}/redact/${encodeURIComponent(action.target)}/${txnId}`, body, signal);
    }
    const { type, content } = await this.encrypted(item, action.type, withAddresses(action.content, item.attachments));
    signal.throwIfAborted();
    try {
      const eventId = await this.put(`/rooms/${room}/send/${encodeURIComponent(type)}/${txnId}`, content, signal);
      if (isPost(action.type, relTypeOf(action.content)))
        this.posted.set(item.roomId, { id: eventId, time: Date.now(), album: action.content[ALBUM] });
      return eventId;
    } catch (error) {
      const { errcode } = error as { errcode?: unknown };
      throw errcode === "M_TOO_LARGE" ? new ProblemError({ kind: "too-long" }) : error;
    }
  }

  notBefore({ roomId, action }: OutboxItem): number {
    const room = this.client.getRoom(roomId);
    if (room === null || action.kind !== "event" || !isPost(action.type, relTypeOf(action.content))) return 0;
    const seconds = paceOf(room);
    if (seconds === 0) return 0;
    const synced = lastPost(room);
    const known = synced && {
      id: synced.getId(),
      time: synced.getTs(),
      album: synced.getContent()[ALBUM] as unknown,
    };
    const sent = this.posted.get(roomId);
    // Where the sync has brought it, the server's time counts, as it does for what the composer shows.
    const last = sent !== undefined && sent.id !== known?.id && sent.time > (known?.time ?? 0) ? sent : known;
    // Pictures that are shown as one are one message.
    const album = action.content[ALBUM];
    if (album !== undefined && album === last?.album) return 0;
    const now = Date.now();
    return now + pauseLeft(seconds, last?.time, now);
  }

  async upload(
    attachment: Attachment,
    encrypted: boolean,
    progress: (part: number) => void,
    signal: AbortSignal,
  ): Promise<NonNullable<Attachment["uploaded"]>> {
    if (!encrypted) return { url: await this.post(attachment, progress, signal) };
    if (this.encryption === undefined) throw new ProblemError({ kind: "no-encryption" });
    const { blob, keys } = await this.encryption.attachment(attachment.blob);
    signal.throwIfAborted();
    // Neither its name nor its kind is for the server.
    const url = await this.post({ blob, name: "", type: "application/octet-stream" }, progress, signal);
    return { url, keys };
  }

  async prepare(content: Content, blob: Blob, encrypted: boolean): Promise<Prepared> {
    try {
      const looks = await looksOf(blob);
      const info = { ...(content.info as Content | undefined), ...looks };
      const small = encrypted ? await this.encryption?.thumbnail(blob, looks.is_animated === true) : undefined;
      if (small === undefined) return { content: { ...content, info } };
      const { blob: thumbnail, width: w, height: h } = small;
      const about = { mimetype: thumbnail.type, size: thumbnail.size, w, h };
      return { content: { ...content, info: { ...info, thumbnail_info: about } }, thumbnail };
    } catch {
      return { content: { ...content, msgtype: "m.file" } };
    }
  }

  private async put(path: string, body: Content, abortSignal: AbortSignal): Promise<string> {
    const answer = await this.client.http.authedRequest<{ event_id: string }>(Method.Put, path, undefined, body, {
      abortSignal,
    });
    // The sync may be waiting for a connection that is there again.
    this.client.retryImmediately();
    return answer.event_id;
  }

  /** What goes over the wire for an event. Reactions stay readable, as their relation does (and all clients do so). */
  private async encrypted(
    item: OutboxItem,
    type: string,
    content: Content,
  ): Promise<{ type: string; content: Content }> {
    const plain = { type, content };
    if (type === "m.reaction" || type === "m.room.encrypted") return plain;
    // Only the room itself knows for certain whether it is encrypted, and for whom.
    await this.rooms?.require(item.roomId);
    const room = this.client.getRoom(item.roomId);
    const engine = await this.encryption?.engine();
    const needed =
      item.encrypted ||
      room?.hasEncryptionStateEvent() === true ||
      (await this.encryption?.remembers(item.roomId)) === true;
    if (!needed) return plain;
    if (engine === undefined) throw new ProblemError({ kind: "no-encryption" });
    // The room is not known yet: it comes with the sync.
    if (room === null) throw new ProblemError({ kind: "offline" });
    await this.encryption?.check(engine, room);
    const event = new MatrixEvent({ type, content, room_id: item.roomId, sender: this.client.getSafeUserId() });
    event.setTxnId(item.txnId);
    try {
      await engine.encryptEvent(event, room);
    } catch (error) {
      // Keys are asked for over the network, too; anything else will not heal.
      const { name, httpStatus } = error as { name?: unknown; httpStatus?: unknown };
      if (name === "ConnectionError" || httpStatus !== undefined) throw error;
      console.error("an event could not be encrypted", error);
      throw new ProblemError({ kind: "not-encrypted" });
    }
    if (event.getWireType() === type) throw new ProblemError({ kind: "not-encrypted" });
    return { type: event.getWireType(), content: event.getWireContent() };
  }

  /** Uploads with the newest token, and again if that had expired. */
  private async post(
    file: Pick<Attachment, "blob" | "name" | "type">,
    progress: (part: number) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const attempt = async () => upload(this.homeserver, await this.tokens.fresh(), file, progress, signal);
    let answer = await attempt();
    if (answer.status === 401) {
      // Any other request exchanges the token, if it can be.
      await this.client.whoami();
      answer = await attempt();
    }
    const { status, body } = answer;
    if (status >= 200 && status < 300 && typeof body.content_uri === "string") return body.content_uri;
    const { errcode, retry_after_ms: retryAfter } = body;
    throw new MatrixHttpError(
      status,
      typeof errcode === "string" ? errcode : undefined,
      typeof retryAfter === "number" ? retryAfter : undefined,
      body,
    );
  }
}

interface Answer {
  status: number;
  body: Content;
}

/** By XMLHttpRequest, which alone tells of the progress of what is sent. */
function upload(
  homeserver: string,
  token: string,
  { blob, name, type }: Pick<Attachment, "blob" | "name" | "type">,
  progress: (part: number) => void,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const url = new URL("/_matrix/media/v3/upload", homeserver);
    url.searchParams.set("filename", name);
    if (name === "") url.searchParams.delete("filename");
    const request = new XMLHttpRequest();
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const watch = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), STALLED_AFTER);
    };
    const abort = () => request.abort();
    const end = (settle: () => void) => () => {
      clearTimeout(stalled);
      signal.removeEventListener("abort", abort);
      settle();
    };
    const lost = end(() => reject(signal.aborted ? signal.reason : new ProblemError({ kind: "offline" })));
    request.upload.onprogress = ({ loaded, total }) => {
      watch();
      progress(total > 0 ? loaded / total : 0);
    };
    request.onload = end(() => resolve({ status: request.status, body: json(request.responseText) }));
    request.onerror = lost;
    request.onabort = lost;
    signal.addEventListener("abort", abort);
    request.open("POST", url);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", type);
    watch();
    request.send(blob);
  });
}

function json(text: string): Content {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Content) : {};
  } catch {
    return {};
  }
}
