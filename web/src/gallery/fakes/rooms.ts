/** A room as the views of a conversation see it. */
import { AUDIENCES, PERMISSIONS } from "../../lib/powers.ts";
import { Observable } from "../../lib/observable.ts";
import { readServerAccess } from "../../lib/serveracl.ts";
import type { Administration } from "../../matrix/administration.ts";
import type { Composing, ScheduledMessage } from "../../matrix/composing.ts";
import type { History } from "../../matrix/history.ts";
import type { Messages } from "../../matrix/messages.ts";
import type { OutboxItem } from "../../matrix/outbox/item.ts";
import type { Pins } from "../../matrix/pins.ts";
import type { Polls } from "../../matrix/polls.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Sending } from "../../matrix/sending.ts";
import type { Threads } from "../../matrix/threads.ts";
import type { Timeline } from "../../matrix/timeline.ts";
import type {
  Conversation,
  FoundPage,
  GroupRules,
  LinkPreview,
  Member,
  PinnedMessage,
  PollState,
  Reader,
  RoomDetails,
  ThreadEntry,
  TimelineEvent,
  TimelineSnapshot,
  Version,
} from "../../matrix/types.ts";
import { type Calls, fake, Held } from "./fake.ts";
import { membersOf } from "./people.ts";
import type { Say } from "./world.ts";

/** What a story says about a room; the rest is as in a room where nothing is the matter. */
export interface RoomKnows {
  events?: readonly TimelineEvent[];
  timeline?: Partial<Omit<TimelineSnapshot, "events">>;
  /** The event up to which the room was read. */
  read?: string;
  details?: Partial<RoomDetails>;
  members?: readonly Member[];
  rules?: Partial<GroupRules>;
  pins?: readonly PinnedMessage[];
  threads?: readonly ThreadEntry[];
  thread?: RoomHandle;
  outbox?: readonly OutboxItem[];
  /** How much of each upload is done, as a part of 1. */
  uploaded?: number;
  scheduled?: readonly ScheduledMessage[];
  polls?: Readonly<Record<string, PollState>>;
  shared?: () => Promise<FoundPage>;
  readers?: readonly Reader[];
  versions?: readonly Version[];
  preview?: LinkPreview;
  aliases?: readonly string[];
}

export const NO_VOTES: PollState = {
  loading: false,
  closed: false,
  mine: [],
  voters: 0,
  answers: [],
  can: { vote: true, close: false },
};

export function rules(part: Partial<GroupRules> = {}): GroupRules {
  const [everybody, moderators] = AUDIENCES;
  const open = ["send", "invite"];
  return {
    admission: "invite",
    admitted: [],
    history: "shared",
    permissions: Object.fromEntries(
      PERMISSIONS.map((permission) => [permission, open.includes(permission) ? everybody : moderators]),
    ) as GroupRules["permissions"],
    muted: [],
    banned: [],
    requests: [],
    power: 100,
    slowMode: 0,
    guests: false,
    servers: readServerAccess(undefined),
    powers: { "@ana:example.org": 90, "@ben:example.org": 50 },
    can: {
      roles: true,
      admission: true,
      history: true,
      alias: true,
      slowMode: true,
      guests: true,
      servers: true,
      remove: true,
      ban: true,
      admit: true,
    },
    ...part,
  };
}

/** Rules that one may only read. */
export const READ_ONLY: Partial<GroupRules> = {
  power: 0,
  can: {
    roles: false,
    admission: false,
    history: false,
    alias: false,
    slowMode: false,
    guests: false,
    servers: false,
    remove: false,
    ban: false,
    admit: false,
  },
};

export function roomDetails(conversation: Conversation, part: Partial<RoomDetails> = {}): RoomDetails {
  const { id, name, avatar, colourId, direct, peer, muted, pinned, encrypted = false } = conversation;
  return {
    id,
    name,
    ownName: direct ? "" : name,
    topic: "",
    avatar,
    colourId,
    direct,
    peer,
    public: false,
    memberCount: direct ? 2 : 8,
    muted,
    pinned,
    encrypted,
    pause: 0,
    can: { send: true, invite: true, pin: true, rename: true, describe: true, picture: true, remove: true },
    ...part,
  };
}

export function fakeRoom(calls: Calls, say: Say, conversation: Conversation, knows: RoomKnows = {}): RoomHandle {
  const { direct, peer } = conversation;
  const all = membersOf(say);
  const members =
    knows.members ??
    (direct
      ? all.filter(({ id, me }) => me === true || id === peer).map((member) => ({ ...member, role: "member" as const }))
      : all);
  const events = knows.events ?? [];
  const timeline = new Held<TimelineSnapshot>({
    events,
    loading: false,
    hasOlder: false,
    hasNewer: false,
    failed: false,
    ...knows.timeline,
  });
  const read = knows.read ?? events.at(-1)?.id;
  const pins = new Held<readonly PinnedMessage[]>(knows.pins ?? []);
  const progress = new Observable(knows.uploaded ?? 0.4);
  const room: RoomHandle = fake<RoomHandle>("room", calls, {
    details: new Held(roomDetails(conversation, knows.details)),
    members: new Held(members),
    person: (userId) => members.find(({ id }) => id === userId),
    thread: async () => knows.thread ?? room,
    timeline: fake<Timeline>("timeline", calls, {
      snapshot: timeline,
      gaps: new Observable(0),
      has: (id) => events.some((event) => event.id === id),
      show: async () => true,
      showAfter: async () => true,
      isCurrent: () => true,
      shownAt: (id) => id,
    }),
    sending: fake<Sending>("sending", calls, {
      threadId: undefined,
      items: new Observable(knows.outbox ?? []),
      progress: () => progress,
      readUpTo: () => read,
      hasUnread: () => false,
      contentOf: (body) => ({ msgtype: "m.text", body }),
      typing: () => undefined,
    }),
    composing: fake<Composing>("composing", calls, {
      encrypted: conversation.encrypted === true,
      scheduled: new Observable(knows.scheduled),
      mayMentionEveryone: () => true,
      draft: () => undefined,
      watchDraft: () => () => undefined,
    }),
    messages: fake<Messages>("messages", calls, {
      readers: () => [...(knows.readers ?? [])],
      versions: async () => [...(knows.versions ?? [])],
      source: async (id) => JSON.stringify({ event_id: id, type: "m.room.message", content: { body: "…" } }, null, 2),
      preview: async () => knows.preview,
    }),
    pins: fake<Pins>("pins", calls, { list: pins, has: (id) => pins.get().some((pin) => pin.id === id) }),
    polls: fake<Polls>("polls", calls, { state: (id) => new Held(knows.polls?.[id] ?? NO_VOTES) }),
    threads: fake<Threads>("threads", calls, {
      list: new Held(knows.threads ?? []),
      rootOf: async () => undefined,
    }),
    history: fake<History>("history", calls, {
      shared: knows.shared ?? (async () => ({ messages: [] })),
      at: async () => events[0]?.id ?? "$first",
      nextMention: async () => undefined,
    }),
    administration: fake<Administration>("administration", calls, {
      rules: new Held(rules(knows.rules)),
      server: "example.org",
      aliases: async () => [...(knows.aliases ?? [])],
    }),
  });
  return room;
}
