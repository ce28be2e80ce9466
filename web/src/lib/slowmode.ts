import { isPollStart } from "./polls.ts";

/** Slow mode: each member may send one message in so many seconds (`im2.slow_mode`). */
export const SLOW_MODE = "im2.slow_mode";

/** The choices, in seconds; 0 is off. */
export const SLOW_CHOICES = [0, 10, 30, 60, 300, 900, 3600] as const;
const LONGEST = 6 * 3600;

/** The pause that the state of a room asks for, in seconds. */
export function readSlowMode(content: Readonly<Record<string, unknown>> | undefined): number {
  const seconds = content?.seconds;
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < 0) return 0;
  return Math.min(seconds, LONGEST);
}

/** What counts as a message: not a change of one, a reaction or a vote. */
export function isPost(type: string, relation: string | undefined): boolean {
  return (type === "m.room.message" && relation !== "m.replace") || type === "m.sticker" || isPollStart(type);
}

/** Milliseconds until one may write again, after the last message of one's own. A clock that is wrong costs no more than the pause. */
export function pauseLeft(seconds: number, last: number | undefined, now: number): number {
  if (seconds === 0 || last === undefined) return 0;
  return Math.min(Math.max(0, last + seconds * 1000 - now), seconds * 1000);
}
