/** A call as the rest of the client knows it: plain values. No type of the SDK or of LiveKit appears here. */
import type { Mxc, Person } from "../types.ts";

/** The call of a room, seen from outside. */
export interface RoomCall {
  /** Who is in it, the one who came first in front; nobody where there is none. */
  people: readonly Person[];
  /** When it began, in milliseconds since the epoch. */
  since: number;
  /** Whoever is in it came to be seen. */
  video: boolean;
  /** This account is in it with another device. */
  elsewhere: boolean;
  /** Whether one may take part; "allow" where one may not, but may change that. */
  may: "yes" | "no" | "allow";
}

/** Somebody calls. */
export interface Ring {
  /** The id of the event that rings. */
  id: string;
  roomId: string;
  caller: Person;
  /** What the conversation is called. */
  room: string;
  direct: boolean;
  avatar?: Mxc;
  video: boolean;
  /** Until when it rings, in milliseconds since the epoch. */
  until: number;
}

/** What somebody brings along who joins. */
export interface JoinOptions {
  microphone: boolean;
  camera: boolean;
  /** Rings the others, where there is no call yet. */
  ring: boolean;
  microphoneId?: string;
  cameraId?: string;
  speakerId?: string;
  noiseSuppression: boolean;
  echoCancellation: boolean;
}

export type ConnectionQuality = "good" | "fair" | "poor" | "lost" | "unknown";

export interface CallParticipant {
  /** By which their pictures are asked for. */
  key: string;
  person: Person;
  me?: true;
  /** They have said that they are in the call, and their media are not here yet. */
  connecting: boolean;
  microphone: boolean;
  camera: boolean;
  screen: boolean;
  speaking: boolean;
  quality: ConnectionQuality;
  /** What they send cannot be decrypted (yet), or is not encrypted where it has to be. */
  unreadable?: "no-key" | "not-encrypted";
  /** Since when their hand is up, in milliseconds since the epoch. */
  hand?: number;
}

/** A reaction that passes over the picture of whoever sent it. */
export interface CallReaction {
  id: string;
  key: string;
  emoji: string;
}

/** Why a call could not be had, or came to its end by itself. */
export type CallProblem =
  /** The server forwards no calls, or does not let one in. */
  | "refused"
  | "forbidden"
  | "full"
  | "unreachable"
  /** The same device has joined from elsewhere. */
  | "replaced"
  | "removed"
  /** Keys could not be exchanged: this browser runs no encryption. */
  | "no-encryption"
  | "failed";

/** Why a device is not used although it was wanted. */
export type DeviceProblem = "blocked" | "missing" | "busy" | "unsupported";

export type DeviceKind = "microphone" | "camera" | "speaker";

export interface MediaDevice {
  id: string;
  name: string;
}

export type CallEnd =
  /** One has left oneself. */
  | { how: "left" }
  /** The other person of a direct chat has declined, has not answered, or has hung up. */
  | { how: "declined" | "unanswered" | "hung-up" }
  | { how: "failed"; problem: CallProblem };

export interface CallState {
  phase: "connecting" | "connected" | "reconnecting" | "ended";
  end?: CallEnd;
  /** Somebody is being rung, and nobody has come yet. */
  ringing: boolean;
  /** Every picture and sound that is sent and shown is end-to-end encrypted. */
  encrypted: boolean;
  /** When one came, in milliseconds since the epoch. */
  since: number;
  me: CallParticipant;
  others: readonly CallParticipant[];
  /** One may be heard and seen. */
  maySpeak: boolean;
  deviceProblem: Readonly<Partial<Record<"microphone" | "camera" | "screen", DeviceProblem>>>;
  /** The browser plays no sound before somebody has pressed something. */
  silenced: boolean;
  reactions: readonly CallReaction[];
}
