/** What of an event is entered into the index. */
import { MatrixEvent, RelationType, type Room } from "matrix-js-sdk/lib/matrix.js";
import { plain } from "../../lib/words.ts";
import { bodyOf, personOf, type RoomView } from "../events.ts";
import type { MessageBody, MessageSummary } from "../types.ts";
import type { Entry, Found } from "./index.ts";

/** A chat, loaded or not, as far as the index needs it. */
export type Chat = RoomView & { readonly roomId: string };

/** A message that has words, as it is found. Nothing for what has none. `edit` is the last change of it, if known. */
export function entryOf(event: MatrixEvent, room: Chat, edit?: MatrixEvent): Entry | undefined {
  const [id, sender] = [event.getId(), event.getSender()];
  if (id === undefined || sender === undefined || event.isState() || event.isRedacted()) return undefined;
  const edited = edit === undefined ? undefined : editOf(edit, event.getSender(), room);
  const text = edited ?? described(bodyOf(event, room));
  return text === undefined ? undefined : { id, sender, at: event.getTs(), ...text };
}

/** What an edit makes of a message; nothing for an edit by somebody else, which does not count. */
export function editOf(
  edit: MatrixEvent,
  sender: string | undefined,
  room: Chat,
): Pick<Entry, "body" | "plain" | "edit"> | undefined {
  const [id, content] = [edit.getId(), edit.getContent()["m.new_content"] as unknown];
  if (id === undefined || edit.isRedacted() || edit.getSender() !== sender) return undefined;
  if (typeof content !== "object" || content === null) return undefined;
  const virtual = new MatrixEvent({ type: edit.getType(), content, sender, room_id: room.roomId });
  const text = described(bodyOf(virtual, room));
  return text === undefined ? undefined : { ...text, edit: { id, at: edit.getTs() } };
}

/** The event that an edit changes. */
export function editedBy(event: MatrixEvent): string | undefined {
  const relation = event.getRelation();
  return relation?.rel_type === RelationType.Replace ? relation.event_id : undefined;
}

function described(body: MessageBody | undefined): Pick<Entry, "body" | "plain"> | undefined {
  const words = body === undefined ? "" : plain(wordsOf(body));
  if (body === undefined || words === "") return undefined;
  // Formatting is not searched, and shown nowhere among results.
  return { body: body.kind === "text" ? { kind: "text", style: body.style, text: body.text } : body, plain: words };
}

function wordsOf(body: MessageBody): string {
  switch (body.kind) {
    case "text":
    case "unsupported":
      return body.text;
    case "image":
    case "video":
    case "audio":
    case "file":
      return `${body.caption ?? ""}\n${body.media.name}`;
    case "poll":
      return [body.poll.question, ...body.poll.answers.map(({ text }) => text)].join("\n");
    case "location":
      return body.place.label;
    default:
      return "";
  }
}

export function summaryOfFound({ entry }: Found, room: Room): MessageSummary {
  const { id, at, body } = entry;
  const sender = personOf(room, entry.sender);
  return { roomId: room.roomId, id, sender, own: sender.id === room.myUserId, timestamp: at, body };
}
