import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { SPACE } from "../../gallery/fakes/conversations.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Spaces.stories.tsx";

testStories(stories);

test("a room is joined by the servers that know it, and opened", async () => {
  const { t, user, calls } = await play(stories, stories.Home);
  await user.click(screen.getByRole("button", { name: `${t("action.join")}: Cellar` }));
  await settled();
  expect(calls.of("directory.join")).toEqual([["!cellar:example.org", undefined, ["example.org"]]]);
  expect(router.route.get()).toEqual({ name: "room", roomId: "!cellar:example.org" });
});

test("one that one is in is opened, one that wants to be asked is looked at", async () => {
  const { t, user, calls } = await play(stories, stories.Home);
  await user.click(screen.getByRole("button", { name: `${t("action.open")}: Garden committee` }));
  await user.click(screen.getByRole("button", { name: `${t("knock.send")}: Attic` }));
  expect(calls.of("directory.join")).toEqual([]);
  expect(router.route.get()).toEqual({ name: "room", roomId: "!attic:example.org" });
});

test("a room is taken out after a question", async () => {
  const { t, user, calls } = await play(stories, stories.Removing);
  expect(calls.of("spaces.remove")).toEqual([]);
  await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: t("space.remove") }));
  expect(calls.of("spaces.remove")).toEqual([[SPACE, "!cellar:example.org"]]);
});

test("members may not change it", async () => {
  const { t } = await play(stories, stories.AsMember);
  expect(screen.queryByRole("button", { name: t("space.add") })).toBeNull();
  expect(screen.queryByRole("button", { name: t("chats.menu", { name: "Cellar" }) })).toBeNull();
});

test("what could not be read is asked for again", async () => {
  const { t, user, calls } = await play(stories, stories.Offline);
  screen.getByText(t("problem.offline"));
  const before = calls.of("spaces.browse").length;
  await user.click(screen.getByRole("button", { name: t("action.retry") }));
  expect(calls.of("spaces.browse").length).toBe(before + 1);
});

test("of many rooms some are found", async () => {
  const { t, user } = await play(stories, stories.Many);
  await user.type(screen.getByRole("searchbox", { name: t("space.search") }), "floor 11");
  expect(screen.getAllByRole("button", { name: /^Join: / })).toHaveLength(1);
});

test("several rooms are added together", async () => {
  const { t, user, calls } = await play(stories, stories.Adding);
  const add = screen.getByRole("button", { name: t("space.add.action") });
  expect(add.hasAttribute("disabled")).toBe(true);
  await user.click(screen.getByRole("checkbox", { name: "Announcements" }));
  await user.click(screen.getByRole("checkbox", { name: "Weekend hike" }));
  await user.click(add);
  expect(calls.of("spaces.add")).toEqual([
    [SPACE, "!muted:example.org"],
    [SPACE, "!typing:example.org"],
  ]);
});

test("a space is made and opened", async () => {
  const { t, user, calls } = await play(stories, stories.New);
  await user.type(screen.getByLabelText(t("space.new.name")), "Our street{Enter}");
  await settled();
  expect(calls.of("spaces.create")[0]).toMatchObject([{ name: "Our street", public: false }]);
  expect(router.route.get()).toEqual({ name: "space", spaceId: "!newspace:example.org" });
});

test("an address that is taken is said in the dialog", async () => {
  const { t } = await play(stories, stories.NotMade);
  expect((await screen.findByRole("alert")).textContent).toBe(t("problem.alias-taken"));
});
