/** What a notification of a call says (MSC4075, `org.matrix.msc4075.rtc.notification`): whom it calls, and how long. */
import { isVideo } from "./callmembers.ts";

/** Nobody is called longer than this, whatever is asked for, in milliseconds. */
const LONGEST = 120_000;
/** How far the clock of the sender may be from that of their server, in milliseconds. */
const CLOCKS = 20_000;

interface Situation {
  me: string;
  now: number;
  /** The sender may call everybody in the room at once. */
  mayCallAll: boolean;
}

type Content = Readonly<Record<string, unknown>>;

/** Whether it rings, and until when; nothing for one that does not ring here. */
export function readRing(
  content: Content,
  sent: number,
  situation: Situation,
): { video: boolean; until: number } | undefined {
  // Those without a type are of clients that leave it to the receiver.
  if ((content.notification_type ?? "ring") !== "ring") return undefined;
  const { lifetime } = content;
  if (typeof lifetime !== "number" || !(lifetime > 0)) return undefined;
  if (!isMeant(content["m.mentions"], situation)) return undefined;
  const until = begins(content.sender_ts, sent) + Math.min(lifetime, LONGEST);
  return until > situation.now ? { video: isVideo(content), until } : undefined;
}

/** The sender's clock counts where it agrees with the server's. */
function begins(said: unknown, sent: number): number {
  return typeof said === "number" && Math.abs(said - sent) < CLOCKS ? said : sent;
}

function isMeant(mentions: unknown, { me, mayCallAll }: Situation): boolean {
  const { user_ids: users, room } = (mentions ?? {}) as { user_ids?: unknown; room?: unknown };
  return (Array.isArray(users) && users.includes(me)) || (room === true && mayCallAll);
}
