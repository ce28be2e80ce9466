import { expect, test } from "vitest";
import type { Conversation } from "../matrix/types.ts";
import { contactsSnapshot, type Known } from "./people.ts";

function chat(peer: string, change: Partial<Conversation> = {}): Conversation {
  return {
    id: `!${peer}`,
    name: peer,
    colourId: peer,
    membership: "join",
    direct: true,
    peer,
    peerMembership: "join",
    activity: 0,
    unread: 0,
    highlights: 0,
    muted: false,
    pinned: false,
    typing: [],
    ...change,
  };
}

const names: Record<string, string> = { "@ana:x": "Ana", "@bo:x": "陈博", "@cy:x": "Cy", "@dora:x": "Dora" };
const known = (conversations: readonly Conversation[], notes: Known["notes"] = {}): Known => ({
  conversations,
  notes,
  profile: (userId) => ({ name: names[userId] ?? userId }),
});
const shown = (from: Known, term = "", tag?: string) =>
  contactsSnapshot(from, term, tag).sections.map(({ letter, people }) => [letter, people.map(({ name }) => name)]);

test("contacts are those with a direct chat and those who were added, once each", () => {
  const from = known([chat("@ana:x"), chat("@ana:x", { id: "!second" }), chat("@cy:x", { direct: false })], {
    "@ana:x": {},
    "@dora:x": { name: "Dora" },
  });
  expect(shown(from)).toEqual([
    ["A", ["Ana"]],
    ["D", ["Dora"]],
  ]);
});

test("a remark takes the place of the name and its letter; both are found", () => {
  const from = known([chat("@bo:x")], { "@bo:x": { remark: "老陈", tags: ["work"], star: true } });
  expect(shown(from)).toEqual([["L", ["老陈"]]]);
  for (const term of ["老陈", "陈博", "lc", "cb", "work"])
    expect([term, shown(from, term)]).toEqual([term, [["L", ["老陈"]]]]);
  expect(shown(from, "", "work")).toEqual([["L", ["老陈"]]]);
  expect(shown(from, "", "other")).toEqual([]);
  expect(contactsSnapshot(from, "", undefined)).toMatchObject({
    tags: ["work"],
    starred: [{ name: "老陈" }],
    total: 1,
  });
});

test("requests are invitations to direct chats, and own ones that were not answered", () => {
  const received = chat("@ana:x", { membership: "invite" });
  const group = chat("@cy:x", { membership: "invite", direct: false });
  const sent = chat("@bo:x", { peerMembership: "invite" });
  const snapshot = contactsSnapshot(known([received, group, sent, chat("@dora:x")]), "", undefined);
  expect(snapshot.received).toEqual([received]);
  expect(snapshot.sent).toEqual([sent]);
});
