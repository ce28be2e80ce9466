/**
 * What the rest of the client knows about Matrix: plain values, made by the modules beside this one. No type of the SDK
 * appears here, so that view models and views can be read and tested without it.
 */

import type { Problem } from "./errors.ts";
import type { Effect } from "../lib/effects.ts";
import type { Audience, Permission } from "../lib/powers.ts";
import type { Coordinates } from "../lib/places.ts";
import type { PollQuestion } from "../lib/polls.ts";
import type { ServerAccess } from "../lib/serveracl.ts";

/** A content URI, `mxc://server/id`. */
export type Mxc = string;

export interface Person {
  id: string;
  name: string;
  avatar?: Mxc;
  /** The person whose account this is. */
  me?: true;
}

/** "starting" until the server has answered for the first time; what is stored may be shown before. */
export type ConnectionStatus = "starting" | "connected" | "reconnecting" | "signed-out";

export type Membership = "join" | "invite" | "knock" | "leave" | "ban";

export interface Conversation {
  id: string;
  name: string;
  /** What others call it, where `name` is the remark about the other person. */
  ownName?: string;
  avatar?: Mxc;
  /** Decides the colour of an avatar without a picture: the other person of a direct chat, else the room. */
  colourId: string;
  membership: Membership;
  direct: boolean;
  /** The other person of a direct chat. */
  peer?: string;
  /** Whether the other person of a direct chat has come: an invitation that waits is a request. */
  peerMembership?: Membership;
  inviter?: Person;
  /** What the inviter has written with the invitation. */
  note?: string;
  preview?: Preview;
  /** When something last happened, in milliseconds since the epoch. */
  activity: number;
  unread: number;
  highlights: number;
  encrypted?: boolean;
  muted: boolean;
  pinned: boolean;
  /** Put away: at the foot of the list (`m.lowpriority`). */
  archived?: true;
  /** The folders that this account has put it into (tags `u.NAME`). */
  labels?: readonly string[];
  /** An invitation to a space; spaces that one is in are not in the list. */
  space?: true;
  /** To be read again, as somebody has said themselves. */
  markedUnread?: true;
  /** Names of the people who are typing now. */
  typing: readonly string[];
  /** How many people are in its call. */
  inCall?: number;
  /** Only the server's summary of it is here so far. */
  partial?: true;
}

/** The last message of a conversation. */
export interface Preview {
  sender: Person;
  own: boolean;
  body: MessageBody;
  timestamp: number;
  status: SendStatus;
}

export type SendStatus = "sending" | "waiting" | "failed" | "sent";

export interface MediaSource {
  mxc: Mxc;
  name: string;
  size?: number;
  mimetype?: string;
  width?: number;
  height?: number;
  /** Milliseconds. */
  duration?: number;
  /** Of a voice message: loudness over time, from 0 to 1. */
  waveform?: readonly number[];
  /** A picture of a film, or a still one of a picture that moves. */
  poster?: Mxc;
  /** Of a picture: whether it moves, as its sender says. */
  animated?: boolean;
  blurhash?: string;
}

export type MessageBody =
  | { kind: "text"; style: "text" | "emote" | "notice"; text: string; html?: string; effect?: Effect }
  /** `album` names what was sent together with it. */
  | { kind: "image" | "video" | "audio" | "file"; media: MediaSource; caption?: string; album?: string }
  | { kind: "sticker"; media: MediaSource }
  | { kind: "location"; place: Place }
  | { kind: "poll"; poll: PollQuestion }
  | { kind: "deleted"; reason?: string }
  | { kind: "encrypted"; why: Undecrypted }
  /** `type` names what it is, for people who can do something with it. */
  | { kind: "unsupported"; text: string; type: string }
  | { kind: "change"; change: RoomChange };

/** Why an encrypted message cannot be read (yet). */
export type Undecrypted =
  /** It is being decrypted, or waits for the engine. */
  | "decrypting"
  /** This browser cannot run the engine. */
  | "no-engine"
  /** Its key has not arrived. */
  | "no-key"
  /** Sent while one was not a member. */
  | "not-member"
  /** The sender does not share the key. */
  | "withheld"
  /** The sender shares keys only with verified sessions. */
  | "withheld-unverified"
  /** From before this session; there is a backup that this session cannot read until it is verified. */
  | "history-unverified"
  /** From before this session, and its key was never backed up. */
  | "history-lost"
  /** From before this session, and not in the backup so far. */
  | "history-missing"
  /** The sender was verified, and has another identity now. */
  | "identity-changed"
  /** Sent by a device that its owner does not vouch for. */
  | "unknown-device"
  | "damaged";

/** What is wrong with the origin of a message that can be read. */
export type Shield =
  /** From a session that its owner, who is verified, has not verified. */
  | "unverified-session"
  /** From a session that is gone, or was never seen. */
  | "unknown-session"
  /** Its sender was verified, and has another identity now. */
  | "identity-changed"
  /** Its key came from elsewhere than from its sender: from a backup, or from whoever invited. */
  | "not-guaranteed"
  /** Encrypted by somebody else than who seems to have sent it. */
  | "wrong-sender"
  /** Not encrypted, in a conversation that is. */
  | "in-clear";

/** What a state event did, in the words that people use for it. */
export type RoomChange =
  | { what: "created" }
  | { what: "joined" | "left" | "declined" | "knocked"; reason?: string }
  | { what: "invited" | "withdrew" | "removed" | "banned" | "unbanned" | "refused"; target: Person; reason?: string }
  | { what: "called"; from: string; to: string }
  /** Somebody has begun a call; how it ended, as far as what follows in the room says. */
  | { what: "call"; video: boolean; outcome?: CallOutcome }
  | { what: "named"; name: string }
  | { what: "topic"; topic: string }
  /** Who can join, and who can read earlier messages. */
  | { what: "admission"; who: "invite" | "knock" | "public" | "other" }
  | { what: "history"; who: "joined" | "invited" | "shared" | "world_readable" }
  | { what: "picture" | "upgraded" | "encryption" | "pinned" | "slowed" | "servers" | "guestsIn" | "guestsOut" };

export interface CallOutcome {
  /** "answered" by anybody, "missed" by oneself, "unanswered" by those whom one has called. */
  how: "answered" | "missed" | "unanswered" | "declined";
  /** How long it lasted, in milliseconds. */
  lasted: number;
}

export interface Reaction {
  /** A character, a few words, or the content URI of a picture. */
  emoji: string;
  /** Of a picture. */
  shortcode?: string;
  count: number;
  /** The event that would have to be redacted to take one's own reaction back. */
  mine?: string;
  names: readonly string[];
  /** Who reacted, in the order in which they did. */
  people?: readonly Person[];
}

/** A point on the earth, as somebody has sent it. */
export interface Place extends Coordinates {
  label: string;
  /** Where the sender is. */
  own?: boolean;
}

/** A message outside of its timeline: in a list of pins, of what was saved, of what was found. */
export interface MessageSummary {
  roomId: string;
  id: string;
  sender: Person;
  own: boolean;
  timestamp: number;
  body: MessageBody;
}

export interface ThreadSummary {
  /** Replies. */
  count: number;
  last?: { sender: Person; body: MessageBody; timestamp: number };
  unread: number;
  highlights: number;
}

export interface ThreadEntry extends ThreadSummary {
  root: MessageSummary;
}

export type SharedKind = "media" | "files" | "links" | "polls";

export interface FoundPage {
  messages: readonly MessageSummary[];
  /** Where the next page begins, if there is one. */
  next?: string;
  /** The words that were found, to be marked. */
  words?: readonly string[];
  /** A part of the results could not be had. */
  problem?: Problem;
}

export interface PollState {
  loading: boolean;
  closed: boolean;
  /** The answers that one has chosen oneself. */
  mine: readonly string[];
  /** People who have voted. */
  voters: number;
  answers: readonly { id: string; count: number; people: readonly Person[] }[];
  can: { vote: boolean; close: boolean };
}

export interface PinnedMessage {
  id: string;
  message?: MessageSummary;
}

export interface SavedMessage {
  roomId: string;
  id: string;
  savedAt: number;
}

export interface Version {
  id: string;
  timestamp: number;
  body: MessageBody;
}

export interface Reader {
  person: Person;
  read: boolean;
  /** When it was read, where that is known. */
  since?: number;
}

export interface LinkPreview {
  url: string;
  site: string;
  title?: string;
  text?: string;
  image?: Mxc;
  width?: number;
  height?: number;
}

export interface Quote {
  eventId: string;
  sender?: Person;
  own: boolean;
  /** Absent while the quoted message is being fetched, or when it cannot be. */
  body?: MessageBody;
}

export interface TimelineEvent {
  /** Stays the same from the local echo to the confirmed event. */
  key: string;
  /** Absent until the server has confirmed the event. */
  id?: string;
  sender: Person;
  own: boolean;
  timestamp: number;
  body: MessageBody;
  status: SendStatus;
  /** Why it waits or was not sent. */
  problem?: Problem;
  /** What one has done to it that is not done yet, or was refused. */
  changes?: readonly PendingChange[];
  edited: boolean;
  shield?: Shield;
  quote?: Quote;
  /** The thread that began with this message. */
  thread?: ThreadSummary;
  reactions: readonly Reaction[];
  readBy: readonly Person[];
  can: { edit: boolean; delete: boolean; react: boolean };
}

/** An edit, a reaction or a deletion on its way. One that was refused is not shown as done. */
export interface PendingChange {
  key: string;
  what: "edit" | "reaction" | "deletion" | "other";
  /** Of a reaction. */
  emoji?: string;
  status: SendStatus;
  problem?: Problem;
}

export interface TimelineSnapshot {
  events: readonly TimelineEvent[];
  loading: boolean;
  /** There is more before the first event. */
  hasOlder: boolean;
  /** There is more after the last event: the window does not reach the present. */
  hasNewer: boolean;
  /** Loading older messages failed. */
  failed: boolean;
}

export type RoleLabel = "owner" | "admin" | "moderator" | "member";

export interface Member extends Person {
  role: RoleLabel;
  membership: Membership;
}

export interface RoomDetails {
  id: string;
  name: string;
  /** The name as set, not computed from the members. */
  ownName: string;
  topic: string;
  avatar?: Mxc;
  colourId: string;
  alias?: string;
  direct: boolean;
  peer?: string;
  public: boolean;
  memberCount: number;
  muted: boolean;
  pinned: boolean;
  /** The room that has taken the place of this one. */
  successor?: string;
  /** The room that this one has taken the place of, and its last event. */
  predecessor?: { roomId: string; eventId?: string };
  encrypted: boolean;
  /** Seconds that one has to wait between two messages; 0 where one need not. */
  pause: number;
  /** How one's membership ended, where it has. */
  ended?: Ending;
  can: {
    send: boolean;
    invite: boolean;
    pin: boolean;
    rename: boolean;
    describe: boolean;
    picture: boolean;
    remove: boolean;
  };
}

export interface Ending {
  how: "left" | "removed" | "banned";
  by?: Person;
  reason?: string;
}

/** "space" lets in whoever is in a space (`restricted`). */
export type Admission = "invite" | "space" | "knock" | "public";
export type HistoryVisibility = "joined" | "invited" | "shared" | "world_readable";

/** Somebody who is kept out, or has asked to be let in. */
export interface Outsider extends Person {
  reason?: string;
  /** Who banned them. */
  by?: string;
}

/** What a group's administrators have decided. */
export interface GroupRules {
  /** "other" for rules that this client does not set. */
  admission: Admission | "other";
  /** The rooms, as a rule spaces, whose members are let in. */
  admitted: readonly string[];
  history: HistoryVisibility;
  permissions: Readonly<Record<Permission, Audience>>;
  /** People who may read only. */
  muted: readonly string[];
  banned: readonly Outsider[];
  requests: readonly Outsider[];
  /** One's own power, and everybody's: who has as much as oneself cannot be changed. */
  power: number;
  /** Seconds that members have to wait between two messages; moderators need not. */
  slowMode: number;
  /** Whether people without an account come in. */
  guests: boolean;
  servers: ServerAccess;
  powers: Readonly<Record<string, number>>;
  can: {
    roles: boolean;
    admission: boolean;
    history: boolean;
    alias: boolean;
    slowMode: boolean;
    guests: boolean;
    servers: boolean;
    remove: boolean;
    ban: boolean;
    admit: boolean;
  };
}

/** What can be known of a room from the outside. */
export interface RoomOutline {
  id: string;
  name: string;
  topic?: string;
  avatar?: Mxc;
  memberCount: number;
  way: "join" | "knock" | "invite";
  /** One has asked to join already. */
  knocked: boolean;
  space: boolean;
  /** What is said there can be read without joining. */
  readable: boolean;
}

/** A space that this account is in or invited to. */
export interface Space {
  id: string;
  name: string;
  avatar?: Mxc;
  topic: string;
  membership: Membership;
  /** It stands in no other space of the account. */
  top: boolean;
  inviter?: Person;
  /** What is directly in it, spaces among them, in its order. */
  children: readonly string[];
  /** All rooms of it and of the spaces in it. */
  rooms: readonly string[];
  /** One may add and remove rooms. */
  manages: boolean;
}

/** What stands in a space, as the server tells of it. */
export interface SpaceRoom {
  id: string;
  name: string;
  topic?: string;
  avatar?: Mxc;
  memberCount: number;
  space: boolean;
  way: RoomOutline["way"];
  suggested: boolean;
  /** Servers that know the way. */
  via: readonly string[];
}

export interface SpacePage {
  rooms: readonly SpaceRoom[];
  next?: string;
}

export interface PublicGroup {
  id: string;
  name: string;
  alias?: string;
  topic?: string;
  avatar?: Mxc;
  memberCount: number;
  joined: boolean;
  space: boolean;
}

export interface GroupPage {
  groups: PublicGroup[];
  next?: string;
}

export interface Presence {
  /** "active" is in use right now; "online" is connected. */
  state: "active" | "online" | "unavailable" | "offline";
  /** When they were last active, in milliseconds since the epoch. */
  lastActive?: number;
  status?: string;
}

/** Somebody's card: who they are, and what this account has noted about them. */
export interface PersonDetails extends Person {
  /** What they call themselves; `name` is the remark where there is one. */
  ownName: string;
  presence?: Presence;
  /** The server knows of no such account. */
  missing?: true;
  blocked: boolean;
  /** In the list of contacts, by a direct chat or because they were added. */
  contact: boolean;
  added: boolean;
  remark: string;
  tags: readonly string[];
  star: boolean;
  /** The direct chat with them. */
  directRoom?: string;
  /** Their invitation to a direct chat, not yet answered. */
  request?: string;
}

/** What notifies in a conversation that has no choice of its own. */
export type DefaultLevel = "all" | "mentions";
export type ChatLevel = "default" | "all" | "mentions" | "none";

export interface PushSettings {
  paused: boolean;
  direct: DefaultLevel;
  groups: DefaultLevel;
  mentions: boolean;
  /** `@room`. */
  everybody: boolean;
  invites: boolean;
  keywords: readonly string[];
}
