/**
 * What the rest of the client knows about Matrix: plain values, made by the modules beside this one. No type of the SDK
 * appears here, so that view models and views can be read and tested without it.
 */

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
  avatar?: Mxc;
  /** Decides the colour of an avatar without a picture: the other person of a direct chat, else the room. */
  colourId: string;
  membership: Membership;
  direct: boolean;
  /** The other person of a direct chat. */
  peer?: string;
  inviter?: Person;
  preview?: Preview;
  /** When something last happened, in milliseconds since the epoch. */
  activity: number;
  unread: number;
  highlights: number;
  muted: boolean;
  pinned: boolean;
  /** Names of the people who are typing now. */
  typing: readonly string[];
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
}

export type MessageBody =
  | { kind: "text"; style: "text" | "emote" | "notice"; text: string; html?: string }
  | { kind: "image" | "video" | "audio" | "file"; media: MediaSource; caption?: string }
  | { kind: "deleted" }
  | { kind: "encrypted" }
  | { kind: "unsupported"; text: string }
  | { kind: "change"; change: RoomChange };

/** What a state event did, in the words that people use for it. */
export type RoomChange =
  | { what: "created" }
  | { what: "joined" | "left" | "declined" | "knocked" }
  | { what: "invited" | "withdrew" | "removed" | "banned" | "unbanned"; target: Person }
  | { what: "called"; from: string; to: string }
  | { what: "named"; name: string }
  | { what: "topic"; topic: string }
  | { what: "picture" | "upgraded" | "encryption" };

export interface Reaction {
  emoji: string;
  count: number;
  /** The event that would have to be redacted to take one's own reaction back. */
  mine?: string;
  names: readonly string[];
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
  edited: boolean;
  quote?: Quote;
  reactions: readonly Reaction[];
  readBy: readonly Person[];
  can: { edit: boolean; delete: boolean; react: boolean };
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
  can: { send: boolean; invite: boolean; rename: boolean; describe: boolean; picture: boolean; remove: boolean };
}

export interface PublicGroup {
  id: string;
  name: string;
  alias?: string;
  topic?: string;
  avatar?: Mxc;
  memberCount: number;
  joined: boolean;
}

export interface GroupPage {
  groups: PublicGroup[];
  next?: string;
}
