/** How calls ended that a timeline tells of: from the memberships that follow each notification, in their order. */
import type { CallOutcome } from "../matrix/types.ts";
import { CALL_MEMBER, readCallMember } from "./callmembers.ts";

export const CALL_NOTICE = "org.matrix.msc4075.rtc.notification";
export const CALL_DECLINE = "org.matrix.msc4310.rtc.decline";

export interface CallEvent {
  id: string;
  type: string;
  sender: string;
  timestamp: number;
  content: Readonly<Record<string, unknown>>;
  stateKey?: string;
  /** The event that it refers to. */
  about?: string;
}

interface Open {
  id: string;
  starter: string;
  /** When somebody else came. */
  answered?: number;
  joined: boolean;
  declined: boolean;
}

/** By the id of the notification; nothing for a call that goes on. `ongoing` says whether there is one now. */
export function callOutcomes(events: Iterable<CallEvent>, me: string, ongoing: boolean): Map<string, CallOutcome> {
  const outcomes = new Map<string, CallOutcome>();
  const present = new Map<string, string>();
  let open: Open | undefined;
  let last = 0;
  const close = (timestamp: number) => {
    if (open !== undefined) outcomes.set(open.id, outcomeOf(open, timestamp, me));
    open = undefined;
  };
  for (const { id, type, sender, timestamp, content, stateKey, about } of events) {
    if (type === CALL_NOTICE) {
      close(timestamp);
      const joined = [...present.values()].includes(me);
      open = { id, starter: sender, joined, declined: false };
    } else if (type === CALL_DECLINE && open !== undefined && about === open.id && sender !== open.starter) {
      open.declined = true;
    } else if (type === CALL_MEMBER && stateKey !== undefined) {
      last = timestamp;
      if (readCallMember({ sender, timestamp, content }) === undefined) {
        if (present.delete(stateKey) && present.size === 0) close(timestamp);
        continue;
      }
      present.set(stateKey, sender);
      if (open === undefined) continue;
      if (sender !== open.starter) open.answered ??= timestamp;
      if (sender === me) open.joined = true;
    }
  }
  if (!ongoing) close(last);
  return outcomes;
}

function outcomeOf({ starter, answered, joined, declined }: Open, timestamp: number, me: string): CallOutcome {
  if (answered !== undefined) return { how: "answered", lasted: Math.max(0, timestamp - answered) };
  if (declined) return { how: "declined", lasted: 0 };
  return { how: starter === me || joined ? "unanswered" : "missed", lasted: 0 };
}
