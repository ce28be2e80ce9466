/** What a notification leads to, and what the worker and the tabs tell each other about it. */
export interface NotificationTarget {
  account: string;
  roomId: string;
  eventId: string;
}

/** One notification for a conversation of an account. */
export function tagOf(userId: string, roomId: string): string {
  return `im2:${userId}:${roomId}`;
}

/** What the worker says to a tab. */
export type WorkerWord =
  /** A message has been pushed. A tab that takes care of it answers through the port. */
  | ({ kind: "pushed" } & NotificationTarget)
  /** Somebody wants to see this conversation. */
  | { kind: "open"; account: string; roomId: string };

/** The answers of a tab: it will take care, as soon as the message has come to it; it has done so, or it is in sight. */
export type TabWord = "mine" | "done";
