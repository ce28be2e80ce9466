/**
 * Power levels in the words of people: who may do what, and which role somebody has (`m.room.power_levels`). What has no
 * value of its own has that of the specification.
 */
import { CALL_MEMBERSHIPS } from "./callmembers.ts";

export interface PowerLevels {
  users?: Readonly<Record<string, number>>;
  users_default?: number;
  events?: Readonly<Record<string, number>>;
  events_default?: number;
  state_default?: number;
  invite?: number;
  kick?: number;
  ban?: number;
  redact?: number;
}

/** What a group decides about. */
export const PERMISSIONS = [
  "send",
  "invite",
  "name",
  "topic",
  "picture",
  "pin",
  "call",
  "remove",
  "ban",
  "delete",
  "access",
  "powers",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Who may: everybody, or those from a role on. */
export const AUDIENCES = ["everybody", "moderators", "admins"] as const;
export type Audience = (typeof AUDIENCES)[number];

const LEVEL: Record<Audience, number> = { everybody: 0, moderators: 50, admins: 100 };
/** Below what sending takes, wherever everybody may send. */
const MUTED = -1;

type Place =
  | { key: "invite" | "kick" | "ban" | "redact" | "events_default" }
  | { events: readonly [string, ...string[]] };

const PLACES: Record<Permission, Place> = {
  send: { key: "events_default" },
  invite: { key: "invite" },
  name: { events: ["m.room.name"] },
  topic: { events: ["m.room.topic"] },
  picture: { events: ["m.room.avatar"] },
  pin: { events: ["m.room.pinned_events"] },
  call: { events: CALL_MEMBERSHIPS },
  remove: { key: "kick" },
  ban: { key: "ban" },
  delete: { key: "redact" },
  access: { events: ["m.room.join_rules"] },
  powers: { events: ["m.room.power_levels"] },
};

const DEFAULTS = { invite: 0, kick: 50, ban: 50, redact: 50, events_default: 0 } as const;

/**
 * Which events take which level in a new room: those that servers give it, and those of calls for everybody. From version
 * 12 on a room's creators are above all levels, and only they replace it.
 */
export function eventLevels(roomVersion: string): Record<string, number> {
  const [moderators, admins] = [LEVEL.moderators, LEVEL.admins];
  return {
    "m.room.name": moderators,
    "m.room.avatar": moderators,
    "m.room.topic": moderators,
    "m.room.canonical_alias": moderators,
    "m.room.power_levels": admins,
    "m.room.history_visibility": admins,
    "m.room.server_acl": admins,
    "m.room.encryption": admins,
    "m.room.tombstone": Number(roomVersion) >= 12 ? 150 : admins,
    ...Object.fromEntries(CALL_MEMBERSHIPS.map((type) => [type, LEVEL.everybody])),
  };
}

/** The level that something takes. */
export function levelFor(levels: PowerLevels, permission: Permission): number {
  const place = PLACES[permission];
  if ("key" in place) return levels[place.key] ?? DEFAULTS[place.key];
  return levels.events?.[place.events[0]] ?? levels.state_default ?? 50;
}

export function audienceOf(levels: PowerLevels, permission: Permission): Audience {
  const level = levelFor(levels, permission);
  if (level > LEVEL.moderators) return "admins";
  return level > LEVEL.everybody ? "moderators" : "everybody";
}

/** The levels with one decision changed; everything else stays as it is. */
export function withPermission(levels: PowerLevels, permission: Permission, audience: Audience): PowerLevels {
  const place = PLACES[permission];
  const level = LEVEL[audience];
  if ("key" in place) return { ...levels, [place.key]: level };
  const events = Object.fromEntries(place.events.map((event) => [event, level]));
  return { ...levels, events: { ...levels.events, ...events } };
}

export function powerOf(levels: PowerLevels, userId: string): number {
  return levels.users?.[userId] ?? levels.users_default ?? 0;
}

/** Whether somebody may read only, where everybody else of their role may write. */
export function isMuted(levels: PowerLevels, userId: string): boolean {
  return powerOf(levels, userId) < 0 && powerOf(levels, userId) < levelFor(levels, "send");
}

export function withPower(levels: PowerLevels, userId: string, power: number): PowerLevels {
  const { [userId]: _, ...others } = levels.users ?? {};
  const users = power === (levels.users_default ?? 0) ? others : { ...others, [userId]: power };
  return { ...levels, users };
}

export const POWER = {
  admin: LEVEL.admins,
  moderator: LEVEL.moderators,
  member: LEVEL.everybody,
  muted: MUTED,
} as const;
export type GivenRole = keyof typeof POWER;
