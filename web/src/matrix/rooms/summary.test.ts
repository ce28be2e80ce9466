import type { IJoinedRoom } from "matrix-js-sdk/lib/matrix.js";
import { expect, test } from "vitest";
import { type RoomSummary, summaryOfJoined } from "./list.ts";
import { conversationOf, type Surroundings } from "./summary.ts";

const ME = "@me:example.org";
const BO = { id: "@bo:example.org", name: "Bo", avatar: "mxc://example.org/bo" };

const around = (changes: Partial<Surroundings> = {}): Surroundings => ({
  me: ME,
  peer: undefined,
  remarkOf: () => undefined,
  nameless: (names, others) => (names.length === 0 ? "Empty" : `${names.join(", ")} and ${others}`),
  muted: false,
  ...changes,
});

const summary = (changes: Partial<RoomSummary> = {}): RoomSummary => ({
  id: "!r:example.org",
  membership: "join",
  heroes: [],
  joined: 2,
  invited: 0,
  unread: 0,
  highlights: 0,
  ...changes,
});

const message = (body: string, sender = BO.id) => ({
  type: "m.room.message",
  content: { msgtype: "m.text", body },
  sender,
  origin_server_ts: 5,
  event_id: "$1",
});

test("a group has its name, its counts and its last message", () => {
  const shown = conversationOf(
    summary({ name: "Choir", event: message("La la"), sender: BO, unread: 3, highlights: 1, pinned: true }),
    around(),
  );
  expect(shown).toMatchObject({ name: "Choir", unread: 3, highlights: 1, pinned: true, direct: false, partial: true });
  expect(shown.preview).toMatchObject({ sender: { name: "Bo" }, own: false, body: { kind: "text", text: "La la" } });
  expect(shown.activity).toBe(5);
});

test("a room without a name is called after its members", () => {
  const heroes = [BO, { id: "@cy:example.org" }];
  expect(conversationOf(summary({ heroes, joined: 5 }), around()).name).toBe("Bo, cy and 2");
  expect(conversationOf(summary({ joined: 1 }), around()).name).toBe("Empty");
  expect(conversationOf(summary({ alias: "#choir:example.org" }), around()).name).toBe("#choir:example.org");
});

test("a direct chat shows the other person, under the name that one has given them", () => {
  const direct = summary({ heroes: [BO] });
  const peer = BO.id;
  expect(conversationOf(direct, around({ peer }))).toMatchObject({ peer, avatar: BO.avatar, peerMembership: "join" });
  expect(conversationOf(direct, around({ peer, remarkOf: () => "Boss" })).name).toBe("Boss");
  const asked = summary({ heroes: [BO], joined: 1, invited: 1 });
  expect(conversationOf(asked, around({ peer })).peerMembership).toBe("invite");
  expect(conversationOf(summary({ heroes: [BO], joined: 1 }), around({ peer })).peerMembership).toBe("leave");
});

test("an invitation says who invites, to what, and with which words", () => {
  const own = { content: { membership: "invite", is_direct: true, reason: "Hello?" }, sender: BO.id };
  const shown = conversationOf(summary({ membership: "invite", own, inviter: BO, heroes: [BO] }), around());
  expect(shown).toMatchObject({ direct: true, peer: BO.id, inviter: { name: "Bo" }, note: "Hello?" });
});

test("what a room began with is not news", () => {
  const event = { type: "m.room.name", state_key: "", content: { name: "Choir" }, sender: BO.id, origin_server_ts: 5 };
  expect(conversationOf(summary({ event }), around()).preview).toBeUndefined();
  const renamed = { ...event, unsigned: { prev_content: { name: "Quire" } } };
  expect(conversationOf(summary({ event: renamed }), around()).preview?.body.kind).toBe("change");
});

test("a room from the store becomes a summary: its state, its last message, its marks", () => {
  const state = (type: string, content: object, state_key = "") => ({ type, content, state_key });
  const reaction = { type: "m.reaction", content: {}, sender: ME, event_id: "$2", origin_server_ts: 6 };
  const room = {
    "org.matrix.msc4222.state_after": {
      events: [
        state("m.room.member", { membership: "join", displayname: "Bo" }, BO.id),
        state("m.room.encryption", { algorithm: "m.megolm.v1.aes-sha2" }),
        state("m.room.avatar", { url: 7 }),
      ],
    },
    timeline: { events: [message("Hi"), reaction], prev_batch: null },
    summary: { "m.heroes": [BO.id], "m.joined_member_count": 2, "m.invited_member_count": 0 },
    unread_notifications: { notification_count: 2, highlight_count: 1 },
    unread_thread_notifications: { $t: { notification_count: 1, highlight_count: 0 } },
    account_data: {
      events: [
        { type: "m.tag", content: { tags: { "m.favourite": {}, "m.lowpriority": {}, "u.Work": {}, "u.": {} } } },
      ],
    },
  } as unknown as IJoinedRoom;
  const made = summaryOfJoined("!r:example.org", room, ME);
  // What is no address is no picture.
  expect(made.avatar).toBeUndefined();
  expect(made).toMatchObject({
    heroes: [{ id: BO.id, name: "Bo" }],
    joined: 2,
    event: { content: { body: "Hi" } },
    sender: { name: "Bo" },
    unread: 3,
    highlights: 1,
    encrypted: true,
    pinned: true,
    archived: true,
    labels: ["Work"],
  });
  expect(conversationOf(made, around())).toMatchObject({ archived: true, labels: ["Work"] });
});
