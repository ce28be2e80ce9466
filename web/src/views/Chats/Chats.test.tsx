import { cleanup, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { GROUP, SPACE } from "../../gallery/fakes/conversations.ts";
import { onPhone, play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Chats.stories.tsx";

testStories(stories);

const rows = () => screen.getAllByRole("listitem");
const rowOf = (name: string) =>
  rows().find((row) => row.querySelector(".chat-row__name")?.textContent === name) as HTMLElement;

test("a row says what is new in words, and not by its colour alone", async () => {
  const { t, say } = await play(stories, stories.Full);
  const row = within(rowOf(say("Garden committee", "花园小组")));
  row.getByRole("img", { name: t.count("chats.unread", 12) });
  row.getByRole("img", { name: t("chats.mentioned") });
  within(rowOf(say("Announcements", "公告"))).getByText("999+");
});

test("a row tells of typing, of a draft, of what was not sent, and of an invitation", async () => {
  const { t, say } = await play(stories, stories.Full);
  expect(rowOf(say("Weekend hike", "周末徒步")).textContent).toContain("Ben Okafor");
  expect(rowOf("Ben Okafor").textContent).toContain(t("chats.draft"));
  within(rowOf("Clara Lindström")).getByLabelText(t("message.failed"));
  within(rowOf("Emre Yıldız")).getByLabelText(t("message.sending"));
  expect(rows()[0]?.textContent).toContain(t("chats.invited", { name: "Clara Lindström" }));
});

test("arrows move from row to row", async () => {
  const { user } = await play(stories, stories.Full);
  const links = rows().flatMap((row) => within(row).queryAllByRole("link"));
  links[0]?.focus();
  await user.keyboard("{ArrowDown}{ArrowDown}{ArrowUp}");
  expect(document.activeElement).toBe(links[1]);
});

test("a filter that leaves nothing says so, and another one brings the rows back", async () => {
  const { t, user, say } = await play(stories, stories.NothingUnread);
  screen.getByText(t("chats.empty.unread"));
  expect(screen.getByRole("button", { name: t("chats.filter.unread") }).getAttribute("aria-pressed")).toBe("true");
  await user.click(screen.getByRole("button", { name: t("chats.filter.all") }));
  expect(rows()[0]?.textContent).toContain(say("Only one", "只有一个"));
});

test("a filter that is pressed again is taken off", async () => {
  const { t, user } = await play(stories, stories.Full);
  const all = rows().length;
  const groups = screen.getByRole("button", { name: t("chats.filter.groups") });
  await user.click(groups);
  expect(groups.getAttribute("aria-pressed")).toBe("true");
  expect(rows().length).toBeLessThan(all);
  await user.click(groups);
  expect(groups.getAttribute("aria-pressed")).toBe("false");
  expect(rows()).toHaveLength(all);
});

test("on a phone one way leads back to everything, from a space, a folder and a filter", async () => {
  onPhone();
  const { t, user, say } = await play(stories, stories.Full);
  const count = rows().length;
  expect(screen.queryByRole("button", { name: t("chats.filter.all") })).toBeNull();
  const all = screen.getByRole("button", { name: t("chats.all") });
  const choices = [new RegExp(`^${say("Our house", "我们的楼")}`), new RegExp(`^${say("Neighbours", "邻居")}`)];
  for (const name of choices) {
    await user.click(screen.getByRole("button", { name }));
    await user.click(screen.getByRole("button", { name: t("chats.filter.unread") }));
    expect(rows().length).toBeLessThan(count);
    await user.click(all);
    expect(all.getAttribute("aria-pressed")).toBe("true");
    expect(rows()).toHaveLength(count);
  }
});

test("on a phone without spaces, the filters have the way back", async () => {
  onPhone();
  const { t } = await play(stories, stories.NothingUnread);
  expect(screen.queryByRole("button", { name: t("chats.all") })).not.toBeNull();
  cleanup();
  const without = await play(stories, stories.WithoutSpaces);
  expect(screen.queryByRole("button", { name: without.t("chats.all") })).toBeNull();
  expect(screen.getByRole("button", { name: without.t("chats.filter.all") }).getAttribute("aria-pressed")).toBe("true");
});

test("an account without conversations leads to the first person", async () => {
  const { t, user } = await play(stories, stories.Empty);
  await user.click(screen.getByRole("link", { name: t("chats.empty.action") }));
  expect(router.route.get()).toEqual({ name: "people" });
});

test("the menu of a row acts on its conversation", async () => {
  const { t, user, calls } = await play(stories, stories.Actions);
  await user.click(screen.getByRole("menuitem", { name: t("details.mute") }));
  expect(calls.of("openRoom")).toContainEqual([GROUP]);
  expect(calls.of("room.setMuted")).toEqual([[true]]);
  expect(screen.queryByRole("menu")).toBeNull();
});

test("leaving asks first, and does nothing when it is called off", async () => {
  const { t, user, calls } = await play(stories, stories.Leaving);
  await user.click(screen.getByRole("button", { name: t("action.cancel") }));
  expect(calls.of("room.leave")).toEqual([]);
});

test("leaving leaves", async () => {
  const { t, user, calls } = await play(stories, stories.Leaving);
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: t("details.leave") }));
  expect(calls.of("room.leave")).toHaveLength(1);
});

test("a conversation is put into a folder, and a new one is made by its name", async () => {
  const { t, user, calls, say } = await play(stories, stories.Labelling);
  const known = screen.getByRole("checkbox", { name: say("Neighbours", "邻居") });
  expect(known.getAttribute("aria-checked")).toBe("true");
  await user.click(known);
  await user.type(screen.getByRole("textbox", { name: t("labels.new") }), "Summer{Enter}");
  expect(calls.of("room.setLabel")).toEqual([
    [say("Neighbours", "邻居"), false],
    ["Summer", true],
  ]);
});

test("a space shows its rooms, and chosen again its home", async () => {
  const { user, say } = await play(stories, stories.Spaces);
  const space = screen.getByRole("button", { name: new RegExp(say("Our house", "我们的楼")) });
  await user.click(space);
  expect(space.getAttribute("aria-pressed")).toBe("true");
  expect(router.route.get()).toEqual({ name: "space", spaceId: SPACE });
});

test("of hundreds of rows only those in sight are there", async () => {
  await play(stories, stories.Hundreds);
  expect(rows().length).toBeLessThan(60);
  expect(rows()[0]?.getAttribute("aria-setsize")).toBe("517");
});
