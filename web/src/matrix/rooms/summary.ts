/** Puts the summary of a room that has not been loaded into the words of the list of conversations. */
import { MatrixEvent } from "matrix-js-sdk/lib/matrix.js";
import { cleanName } from "../../lib/text.ts";
import { bodyOf, nameOf, noteIn, personOf, type RoomView } from "../events.ts";
import type { Conversation, Preview } from "../types.ts";
import type { Hero, RoomSummary } from "./list.ts";

/** What else decides how a conversation is shown. */
export interface Surroundings {
  me: string;
  /** The other person, if the account data says that this is a direct chat. */
  peer: string | undefined;
  /** The name that this account has given somebody. */
  remarkOf: (userId: string) => string | undefined;
  /** What a room without a name is called. */
  nameless: (names: readonly string[], others: number) => string;
  muted: boolean;
}

const previews = new WeakMap<RoomSummary, Preview | null>();

export function conversationOf(summary: RoomSummary, around: Surroundings): Conversation {
  const { id, membership, inviter, own } = summary;
  const peer = around.peer ?? (own?.content?.is_direct === true ? inviter?.id : undefined);
  const preview = previewOf(summary, around.me);
  return {
    id,
    ...namesOf(roomName(summary, around), peer === undefined ? undefined : around.remarkOf(peer)),
    avatar:
      summary.avatar ?? (peer === undefined ? undefined : summary.heroes.find((hero) => hero.id === peer)?.avatar),
    colourId: peer ?? id,
    membership,
    direct: peer !== undefined,
    peer,
    peerMembership: peer === undefined ? undefined : peerMembership(summary),
    note: membership === "invite" ? noteIn(own?.content ?? {}) : undefined,
    inviter:
      membership === "invite" && inviter !== undefined
        ? personOf(viewOf(summary, around.me, null), inviter.id)
        : undefined,
    preview,
    activity: (summary.event ?? own)?.origin_server_ts ?? 0,
    unread: summary.unread,
    highlights: summary.highlights,
    encrypted: summary.encrypted === true,
    muted: around.muted,
    pinned: summary.pinned === true,
    ...(summary.archived === true ? { archived: true as const } : {}),
    ...(summary.labels === undefined ? {} : { labels: summary.labels }),
    ...(summary.markedUnread === true ? { markedUnread: true as const } : {}),
    typing: [],
    partial: true,
  };
}

/** How a conversation is called here, and otherwise. */
export function namesOf(ownName: string, remark: string | undefined): Pick<Conversation, "name" | "ownName"> {
  return remark === undefined ? { name: ownName } : { name: remark, ownName };
}

function roomName(summary: RoomSummary, { nameless }: Surroundings): string {
  const given = cleanName(summary.name ?? "") || summary.alias;
  if (given !== undefined && given !== "") return given;
  const names = summary.heroes.map(({ id, name }) => nameOf(name, id));
  return nameless(names, Math.max(0, summary.joined + summary.invited - 1 - names.length));
}

/** Of the other one of two. */
function peerMembership({ membership, joined, invited }: RoomSummary): Conversation["membership"] {
  if (membership !== "join" || joined > 1) return "join";
  return invited > 0 ? "invite" : "leave";
}

function previewOf(summary: RoomSummary, me: string): Preview | undefined {
  const known = previews.get(summary);
  if (known !== undefined) return known ?? undefined;
  const preview = readPreview(summary, me);
  previews.set(summary, preview ?? null);
  return preview;
}

function readPreview(summary: RoomSummary, me: string): Preview | undefined {
  const { id, event: raw } = summary;
  if (raw === undefined) return undefined;
  const event = new MatrixEvent({ ...raw, room_id: id });
  const view = viewOf(summary, me, event);
  const body = bodyOf(event, view);
  if (body === undefined) return undefined;
  const sender = personOf(view, event.getSender() ?? "");
  return { sender, own: sender.id === view.myUserId, body, timestamp: event.getTs(), status: "sent" };
}

/** The room, as far as its summary knows it. */
export function viewOf({ heroes, sender, inviter }: RoomSummary, me: string, event: MatrixEvent | null): RoomView {
  const known = [sender, inviter, ...heroes];
  return {
    myUserId: me,
    getMember: (userId) => memberOf(known.find((person) => person?.id === userId)),
    getCreator: () => null,
    // Without anything before it, state is taken for what the room began with.
    currentState: { getStateEvents: () => event },
  };
}

function memberOf(person: Hero | undefined): ReturnType<RoomView["getMember"]> {
  if (person === undefined) return null;
  return { userId: person.id, name: person.name ?? person.id, getMxcAvatarUrl: () => person.avatar };
}
