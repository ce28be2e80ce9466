/** What can be done with one message, or learnt about it, beyond writing. */
import { type MatrixClient, MatrixEvent, RelationType, type Room } from "matrix-js-sdk/lib/matrix.js";
import { bodyOf, personOf, withoutReplyFallback } from "./events.ts";
import { findEvent } from "./lookup.ts";
import type { Sending } from "./sending.ts";
import type { LinkPreview, Reader, Version } from "./types.ts";

/** Versions of a message that are asked for; who edits more often can be asked. */
const VERSIONS = 100;

export class Messages {
  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly sending: Sending,
  ) {}

  /** Deletes a message for everybody; the reason stays readable in its place. */
  async delete(eventId: string, reason: string): Promise<void> {
    await this.sending.redact(eventId, reason.trim() || undefined);
  }

  /** Tells the administrators of the server about a message. */
  async report(eventId: string, reason: string): Promise<void> {
    await this.client.reportEvent(this.room.roomId, eventId, -100, reason.trim());
  }

  /** Sends copies of messages to another conversation, in their order. */
  async forward(eventIds: readonly string[], roomId: string, encrypted: boolean): Promise<void> {
    for (const id of eventIds) {
      const event = await findEvent(this.client, this.room, id);
      this.sending.forward(roomId, event.getType(), copyOf(event), encrypted);
    }
  }

  /** What a message said before each edit, oldest first, and what it says now. */
  async versions(eventId: string): Promise<Version[]> {
    const original = await this.client.fetchRoomEvent(this.room.roomId, eventId);
    const first = this.client.getEventMapper({ preventReEmit: true })(original);
    await this.client.decryptEventIfNeeded(first).catch(() => undefined);
    const { events } = await this.client.relations(this.room.roomId, eventId, RelationType.Replace, first.getType(), {
      limit: VERSIONS,
    });
    const edits = events
      .filter((edit) => edit.getSender() === first.getSender() && !edit.isRedacted())
      .sort((a, b) => a.getTs() - b.getTs());
    return [first, ...edits].flatMap((event) => {
      const body = this.versionBody(event);
      return body === undefined ? [] : [{ id: event.getId() ?? "", timestamp: event.getTs(), body }];
    });
  }

  /** The event as the server has it, and decrypted if it was encrypted. */
  async source(eventId: string): Promise<string> {
    const event = await findEvent(this.client, this.room, eventId);
    const shown = event.isEncrypted() ? { encrypted: event.event, decrypted: event.getClearContent() } : event.event;
    return JSON.stringify(shown, undefined, 2);
  }

  /** Everybody else who is in the room, those who have read a message first. */
  readers(eventId: string): Reader[] {
    const { room } = this;
    const sender = room.findEventById(eventId)?.getSender();
    return room
      .getJoinedMembers()
      .filter(({ userId }) => userId !== room.myUserId && userId !== sender)
      .map(({ userId }) => ({
        person: personOf(room, userId),
        read: room.hasUserReadEvent(userId, eventId),
        since: room.getEventReadUpTo(userId) === eventId ? room.getReadReceiptForUserId(userId)?.data.ts : undefined,
      }))
      .sort((a, b) => Number(b.read) - Number(a.read) || a.person.name.localeCompare(b.person.name));
  }

  /** What the server knows of a page on the web; nothing where it knows nothing worth showing. */
  async preview(url: string, timestamp: number): Promise<LinkPreview | undefined> {
    const found = await this.client.getUrlPreview(url, timestamp);
    const text = (key: string) => {
      const value = found[key];
      return typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, 400) : undefined;
    };
    const image = text("og:image");
    const preview = {
      url,
      site: text("og:site_name") ?? new URL(url).host,
      title: text("og:title"),
      text: text("og:description"),
      image: image?.startsWith("mxc://") === true ? image : undefined,
      width: numberOf(found["og:image:width"]),
      height: numberOf(found["og:image:height"]),
    };
    return preview.title === undefined && preview.image === undefined ? undefined : preview;
  }

  /** A version read like a message of its own: the SDK's event always says the newest. */
  private versionBody(event: MatrixEvent) {
    const replaced: unknown = event.getContent()["m.new_content"];
    const content = typeof replaced === "object" && replaced !== null ? replaced : event.getOriginalContent();
    return bodyOf(new MatrixEvent({ ...event.event, type: event.getType(), content }), this.room);
  }
}

/** The content of a message to be sent elsewhere: without what it answered and whom it called. */
function copyOf(event: MatrixEvent): Record<string, unknown> {
  const { "m.relates_to": _, "m.new_content": __, ...content } = event.getContent();
  if (event.replyEventId !== undefined && typeof content.body === "string") {
    content.body = withoutReplyFallback(content.body);
  }
  if (typeof content.formatted_body === "string")
    content.formatted_body = content.formatted_body.replace(/^<mx-reply>.*?<\/mx-reply>/s, "");
  return { ...content, "m.mentions": {} };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
