import { expect, test } from "vitest";
import type { Conversation, Space } from "../matrix/types.ts";
import { ALL, type Folder, isUnread, snapshotOf } from "./chats.ts";
import { rankConversations } from "./switcher.ts";

function conversation(id: string, extra: Partial<Conversation> = {}): Conversation {
  return {
    id,
    name: id,
    colourId: id,
    membership: "join",
    direct: false,
    activity: 0,
    unread: 0,
    highlights: 0,
    muted: false,
    pinned: false,
    typing: [],
    ...extra,
  };
}

const all = [
  conversation("group", { unread: 2 }),
  conversation("ana", { direct: true }),
  conversation("muted", { unread: 5, muted: true }),
  conversation("pinned", { pinned: true }),
  conversation("invite", { membership: "invite", direct: true }),
];

test.each([
  ["all", "invite pinned group ana muted"],
  ["unread", "invite group muted"],
  ["people", "invite ana"],
  ["groups", "pinned group muted"],
] as const)("filter %s", (filter, expected) => {
  expect(
    snapshotOf(all, filter, "connected")
      .rows.map(({ id }) => id)
      .join(" "),
  ).toBe(expected);
});

test("what is muted counts only with a mention", () => {
  expect(snapshotOf(all, "all", "connected").unread).toBe(2);
  expect(isUnread(conversation("x", { muted: true, unread: 1, highlights: 1 }))).toBe(true);
});

test("what was marked as unread is unread, muted or not", () => {
  expect(isUnread(conversation("x", { muted: true, markedUnread: true }))).toBe(true);
});

test("an empty list is loading only until the first sync", () => {
  expect(snapshotOf([], "all", "starting").loading).toBe(true);
  expect(snapshotOf([], "all", "connected").loading).toBe(false);
});

test("the switcher prefers names that start with the words", () => {
  const rooms = [conversation("Lunch with Ana"), conversation("Ana"), conversation("Banana"), conversation("王小明")];
  expect(rankConversations(rooms, "ana").map(({ name }) => name)).toEqual(["Ana", "Lunch with Ana", "Banana"]);
  expect(rankConversations(rooms, "小明").map(({ name }) => name)).toEqual(["王小明"]);
  expect(rankConversations(rooms, "").length).toBe(4);
});

test.each([
  ["КОТ", "Старый кот"],
  ["らーめん", "ラーメン"],
  ["ﾗｰﾒﾝ", "らーめん"],
  ["full", "ＦＵＬＬ"],
  ["strasse", "Hauptstraße"],
  ["irmak", "Irmak"],
  ["ОДОС", "одос"],
  ["οδος", "ΟΔΌΣ"],
])("%s finds %s", (term, name) => {
  expect(rankConversations([conversation(name)], term)).toHaveLength(1);
  expect(rankConversations([conversation("か")], "が")).toHaveLength(0);
});

test("folders: what was put away is only there, a space has its rooms, a label what it was given to", () => {
  const chats = [
    conversation("tea", { unread: 1, labels: ["home"] }),
    conversation("work", { highlights: 1, unread: 1 }),
    conversation("old", { archived: true, unread: 3, labels: ["home"] }),
  ];
  const space: Space = {
    id: "!s",
    name: "S",
    topic: "",
    membership: "join",
    top: true,
    children: ["work", "old"],
    rooms: ["work", "old"],
    manages: true,
  };
  const rows = (folder: Folder) => snapshotOf(chats, "all", "connected", folder, [space]).rows.map(({ id }) => id);
  expect(rows(ALL)).toEqual(["tea", "work"]);
  expect(rows({ kind: "archive" })).toEqual(["old"]);
  expect(rows({ kind: "space", id: "!s" })).toEqual(["work"]);
  expect(rows({ kind: "label", name: "home" })).toEqual(["tea"]);
  const { unread, spaces, labels, archived } = snapshotOf(chats, "all", "connected", ALL, [space]);
  expect({ unread, space: spaces[0]?.unread, labels, archived }).toEqual({
    unread: 2,
    space: 1,
    labels: [{ name: "home", unread: 1 }],
    archived: { count: 1, unread: 1 },
  });
  // A folder that has gone gives way to the whole list.
  expect(snapshotOf(chats, "all", "connected", { kind: "space", id: "!gone" }, [space]).folder).toEqual(ALL);
});
