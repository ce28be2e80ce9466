/** What waits to be sent, as plain values: they are kept in IndexedDB and told to the other tabs. */
import type { Problem } from "../errors.ts";

export type Content = Record<string, unknown>;

/** The keys of an encrypted file (spec: "Sending encrypted attachments"), without its address. */
export type FileKeys = Content;

/** A file that belongs to an event and is uploaded before it is sent. */
export interface Attachment {
  /** The place in the content that gets the address: the file itself, or its thumbnail. */
  slot: "content" | "thumbnail";
  blob: Blob;
  name: string;
  type: string;
  /** The result of the upload, kept so that a retry does not upload twice. */
  uploaded?: { url: string; keys?: FileKeys };
}

export type Action =
  | { kind: "event"; type: string; content: Content }
  | { kind: "redaction"; target: string; reason?: string };

/**
 * `queued` until it is tried; `waiting` after a failure that heals by itself; `refused` when only a person can decide;
 * `sent` until the sync has brought the event.
 */
export type ItemState = "queued" | "uploading" | "sending" | "waiting" | "refused" | "sent";

export interface OutboxItem {
  /** The transaction id: the same for every attempt, so that the server takes it once. */
  readonly txnId: string;
  readonly roomId: string;
  /** The place in the queue of its room. */
  readonly order: number;
  /** When it was written, in milliseconds since the epoch. */
  readonly createdAt: number;
  readonly action: Action;
  readonly attachments: readonly Attachment[];
  /** The room was encrypted when this was written: it must never leave in the clear. */
  readonly encrypted: boolean;
  /** The content does not yet say how large the picture is. */
  readonly unmeasured: boolean;
  readonly state: ItemState;
  readonly problem?: Problem;
  /** Known once the server has taken it. */
  readonly eventId?: string;
}

/** Event ids begin with a dollar sign; what does not is the transaction id of something that is still to be sent. */
export function isEventId(id: string): boolean {
  return id.startsWith("$");
}

/** The first event that an action refers to: what it edits, reacts to, deletes or answers. */
export function targetOf(action: Action): string | undefined {
  if (action.kind === "redaction") return action.target;
  const relation = relationOf(action.content);
  return text(relation?.event_id) ?? text(record(relation?.["m.in_reply_to"])?.event_id);
}

/** Transaction ids that an action refers to, in place of event ids that are not known yet. */
export function dependencies(action: Action): string[] {
  const relation = action.kind === "event" ? relationOf(action.content) : undefined;
  const ids =
    action.kind === "redaction"
      ? [action.target]
      : [text(relation?.event_id), text(record(relation?.["m.in_reply_to"])?.event_id)];
  return ids.filter((id) => id !== undefined && !isEventId(id)) as string[];
}

/** The same action with an event id in the place of a transaction id. */
export function resolved(action: Action, txnId: string, eventId: string): Action {
  if (action.kind === "redaction") return action.target === txnId ? { ...action, target: eventId } : action;
  const relation = relationOf(action.content);
  if (relation === undefined) return action;
  const next: Content = { ...relation };
  if (next.event_id === txnId) next.event_id = eventId;
  const reply = record(next["m.in_reply_to"]);
  if (reply?.event_id === txnId) next["m.in_reply_to"] = { ...reply, event_id: eventId };
  return { ...action, content: { ...action.content, "m.relates_to": next } };
}

export function relationOf(content: Content): Content | undefined {
  return record(content["m.relates_to"]);
}

/** The root of the thread that an event goes into. */
export function threadOf(action: Action): string | undefined {
  const relation = action.kind === "event" ? relationOf(action.content) : undefined;
  return relation?.rel_type === "m.thread" ? text(relation.event_id) : undefined;
}

export function isUploaded(item: OutboxItem): boolean {
  return item.attachments.every(({ uploaded }) => uploaded !== undefined);
}

/** The content with the addresses of what was uploaded for it. */
export function withAddresses(content: Content, attachments: readonly Attachment[]): Content {
  let next = content;
  for (const { slot, uploaded } of attachments) {
    if (uploaded === undefined) continue;
    const { url, keys } = uploaded;
    const file = keys === undefined ? undefined : { ...keys, url };
    if (slot === "content") next = { ...next, ...(file === undefined ? { url } : { file }) };
    else {
      const thumbnail = file === undefined ? { thumbnail_url: url } : { thumbnail_file: file };
      next = { ...next, info: { ...record(next.info), ...thumbnail } };
    }
  }
  return next;
}

function record(value: unknown): Content | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Content) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
