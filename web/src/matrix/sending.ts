/** Everything that a person does in a conversation: send, edit, react, delete, upload, type, read. */
import {
  EventStatus,
  EventType,
  type MatrixClient,
  type MatrixEvent,
  MsgType,
  NotificationCountType,
  RelationType,
  type Room,
} from "matrix-js-sdk/lib/matrix.js";
import type { RoomMessageEventContent } from "matrix-js-sdk/lib/types.js";
import { formatMarkdown } from "../lib/markdown.ts";
import { isWaiting } from "./events.ts";

/** How long the server shows somebody as typing unless told again, in milliseconds. */
const TYPING_TIMEOUT = 20_000;

export interface Picture {
  width: number;
  height: number;
}

export class Sending {
  private typingUntil = 0;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
  ) {}

  /** Sends what was typed; `replyTo` is the id of the message it answers. */
  async text(source: string, replyTo?: string): Promise<void> {
    const emote = source.startsWith("/me ");
    const content = textContent(emote ? source.slice(4) : source, emote);
    await this.send(replyTo === undefined ? content : { ...content, ...inReplyTo(this.room, replyTo) });
  }

  async edit(eventId: string, source: string): Promise<void> {
    const replacement = textContent(source, false);
    await this.send({
      ...replacement,
      body: `* ${replacement.body}`,
      ...(replacement.formatted_body === undefined ? {} : { formatted_body: `* ${replacement.formatted_body}` }),
      "m.new_content": replacement,
      "m.relates_to": { rel_type: RelationType.Replace, event_id: eventId },
    });
  }

  async react(eventId: string, emoji: string): Promise<void> {
    await quietly(
      this.client.sendEvent(this.room.roomId, EventType.Reaction, {
        "m.relates_to": { rel_type: RelationType.Annotation, event_id: eventId, key: emoji },
      }),
    );
  }

  /** Deletes a message, or takes a reaction back. */
  async redact(eventId: string): Promise<void> {
    await this.client.redactEvent(this.room.roomId, eventId);
  }

  /** Uploads and sends a file. `progress` is told parts of 1; aborting the signal stops the upload. */
  async file(
    file: File,
    picture: Picture | undefined,
    progress: (part: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const abortController = new AbortController();
    const abort = () => abortController.abort();
    signal.addEventListener("abort", abort);
    try {
      const { content_uri: url } = await this.client.uploadContent(file, {
        name: file.name,
        type: file.type || "application/octet-stream",
        abortController,
        progressHandler: ({ loaded, total }) => progress(total > 0 ? loaded / total : 0),
      });
      signal.throwIfAborted();
      await this.send(fileContent(file, picture, url));
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async retry(key: string): Promise<void> {
    const event = this.pending(key);
    if (event?.status === EventStatus.NOT_SENT) await quietly(this.client.resendEvent(event, this.room));
  }

  discard(key: string): void {
    const event = this.pending(key);
    if (event !== undefined) this.client.cancelPendingEvent(event);
  }

  /** Tells the others that one is typing; at most one request per half of the time-out. */
  typing(isTyping: boolean): void {
    const now = Date.now();
    if (isTyping ? this.typingUntil - now > TYPING_TIMEOUT / 2 : this.typingUntil < now) return;
    this.typingUntil = isTyping ? now + TYPING_TIMEOUT : 0;
    this.client.sendTyping(this.room.roomId, isTyping, TYPING_TIMEOUT).catch(() => undefined);
  }

  /** The event up to which this account has read the room. */
  readUpTo(): string | undefined {
    return this.room.getEventReadUpTo(this.room.myUserId) ?? undefined;
  }

  /** Marks everything as read: moves the read marker and the receipt to the last event. */
  async markRead(): Promise<void> {
    const last = this.room.getLiveTimeline().getEvents().at(-1);
    const id = last?.getId();
    if (last === undefined || id === undefined || !id.startsWith("$")) return;
    const unread = this.room.getUnreadNotificationCount(NotificationCountType.Total) > 0;
    if (this.readUpTo() === id && !unread) return;
    // The badge goes at once; the server's next sync confirms it.
    this.room.setUnreadNotificationCount(NotificationCountType.Total, 0);
    this.room.setUnreadNotificationCount(NotificationCountType.Highlight, 0);
    await quietly(this.client.setRoomReadMarkers(this.room.roomId, id, last));
  }

  private pending(key: string): MatrixEvent | undefined {
    return this.room.getPendingEvents().find((event) => event.getTxnId() === key);
  }

  /** A message that could not be sent stays in the timeline as such, so its failure is not thrown. */
  private async send(content: Record<string, unknown>): Promise<void> {
    await quietly(this.client.sendMessage(this.room.roomId, content as unknown as RoomMessageEventContent));
  }
}

/** Sends again, in order, what was waiting for a connection. */
export async function resendWaiting(client: MatrixClient): Promise<void> {
  for (const room of client.getRooms()) {
    for (const event of room.getPendingEvents().filter(isWaiting)) {
      await quietly(client.resendEvent(event, room));
    }
  }
}

async function quietly(sent: Promise<unknown>): Promise<void> {
  await sent.catch(() => undefined);
}

type TextContent = Record<string, unknown> & { body: string; formatted_body?: string };

function textContent(source: string, emote: boolean): TextContent {
  const { body, formattedBody } = formatMarkdown(source);
  // Saying that nobody is mentioned keeps servers from guessing it from the words.
  const content: TextContent = { msgtype: emote ? MsgType.Emote : MsgType.Text, body, "m.mentions": {} };
  if (formattedBody === undefined) return content;
  return { ...content, format: "org.matrix.custom.html", formatted_body: formattedBody };
}

function inReplyTo(room: Room, eventId: string): Record<string, unknown> {
  const sender = room.findEventById(eventId)?.getSender();
  const mention = sender === undefined || sender === room.myUserId ? {} : { "m.mentions": { user_ids: [sender] } };
  return { "m.relates_to": { "m.in_reply_to": { event_id: eventId } }, ...mention };
}

function fileContent(file: File, picture: Picture | undefined, url: string): Record<string, unknown> {
  const info = { mimetype: file.type || "application/octet-stream", size: file.size };
  const common = { body: file.name, filename: file.name, url };
  if (picture !== undefined)
    return { ...common, msgtype: MsgType.Image, info: { ...info, w: picture.width, h: picture.height } };
  if (file.type.startsWith("video/")) return { ...common, msgtype: MsgType.Video, info };
  if (file.type.startsWith("audio/")) return { ...common, msgtype: MsgType.Audio, info };
  return { ...common, msgtype: MsgType.File, info };
}
