/**
 * Who is in a room's call, read off the room's state (MatrixRTC memberships as state events, MSC3401 and MSC4143): each
 * device of somebody in the call has an event of its own, which holds until they leave or it expires.
 */
export const CALL_MEMBER = "org.matrix.msc3401.call.member";

/** The events by which clients say that they are in a call, under all names that have been given to them. */
export const CALL_MEMBERSHIPS = [
  CALL_MEMBER,
  "m.call.member",
  "org.matrix.msc4143.rtc.member",
  "m.rtc.member",
] as const;

/** How long a membership holds that does not say so itself, in milliseconds. */
const LASTS = 4 * 60 * 60_000;

export interface CallMember {
  userId: string;
  deviceId: string;
  /** When they came, and until when it holds unless they say so again; milliseconds since the epoch. */
  since: number;
  until: number;
  /** They came to be seen, too. */
  video: boolean;
}

/** Whether somebody means to be seen, too. */
export function isVideo(content: Readonly<Record<string, unknown>>): boolean {
  return content["m.call.intent"] === "video";
}

/** A membership as the state has it: who sent it, when, and what it says. */
export interface MembershipEvent {
  sender: string;
  timestamp: number;
  content: Readonly<Record<string, unknown>>;
}

/** Nothing for somebody who has left, another kind of call, or what is no membership. */
export function readCallMember({ sender, timestamp, content }: MembershipEvent): CallMember | undefined {
  const { application, call_id: call, device_id: deviceId, created_ts: created, expires } = content;
  if (application !== "m.call" || typeof deviceId !== "string") return undefined;
  if (call !== "" && call !== "ROOM") return undefined;
  // Whoever wrote a time that has not come yet would be in the call for ever.
  const since = typeof created === "number" && created <= timestamp ? created : timestamp;
  const lasts = typeof expires === "number" && expires >= 0 ? expires : LASTS;
  return { userId: sender, deviceId, since, until: since + lasts, video: isVideo(content) };
}

/** Those who are in the call at a moment, one entry a device, the one who came first in front. */
export function membersAt(events: Iterable<MembershipEvent>, now: number): readonly CallMember[] {
  const found = new Map<string, CallMember>();
  for (const event of events) {
    const member = readCallMember(event);
    if (member === undefined || member.until <= now) continue;
    const key = `${member.userId} ${member.deviceId}`;
    const known = found.get(key);
    if (known === undefined || known.until < member.until) found.set(key, member);
  }
  return [...found.values()].sort((a, b) => a.since - b.since);
}
