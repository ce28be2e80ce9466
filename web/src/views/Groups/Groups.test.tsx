import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Groups.stories.tsx";

testStories(stories);

test("joins a group and opens it", async () => {
  const { t, user, calls, say } = await play(stories, stories.Full);
  await user.click(screen.getByRole("button", { name: `${t("action.join")}: ${say("Town hall", "市政厅")}` }));
  expect(calls.of("directory.join")).toEqual([["!town:example.org"]]);
  expect(router.route.get()).toEqual({ name: "room", roomId: "!town:example.org" });
});

test("one that one is in is opened, and not joined again", async () => {
  const { t, user, calls, say } = await play(stories, stories.Full);
  await user.click(screen.getByRole("button", { name: `${t("action.open")}: ${say("Garden committee", "花园小组")}` }));
  expect(calls.of("directory.join")).toEqual([]);
  expect(router.route.get()).toMatchObject({ name: "room" });
});

test("the next page is asked for from where the first ended", async () => {
  const { t, user, calls } = await play(stories, stories.Full);
  await user.click(screen.getByRole("button", { name: t("groups.more") }));
  expect(calls.of("directory.browseGroups").at(-1)).toEqual(["", "more"]);
});

test("an address that was typed is joined", async () => {
  const { t, user, calls } = await play(stories, stories.Address);
  await user.click(screen.getByRole("button", { name: t("groups.join", { alias: "#garden:example.org" }) }));
  expect(calls.of("directory.join")).toEqual([["#garden:example.org"]]);
});

test("where there are none, one can be made", async () => {
  const { t, user } = await play(stories, stories.Empty);
  await user.click(
    within(screen.getByRole("main"))
      .getAllByRole("button", { name: t("groups.create") })
      .at(-1) as HTMLElement,
  );
  screen.getByRole("dialog", { name: t("group.new.title") });
});

test("says that there is no connection", async () => {
  const { t } = await play(stories, stories.Offline);
  screen.getByText(t("problem.offline"));
});
