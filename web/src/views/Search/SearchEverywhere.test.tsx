import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./SearchEverywhere.stories.tsx";

testStories(stories);

test("what was found is marked, and leads to its message", async () => {
  const { t, user } = await play(stories, stories.Found);
  const list = await screen.findByRole("list", { name: t("search.messages") });
  expect(list.querySelector("mark")?.textContent).toBe("garden");
  await user.click(screen.getByRole("button", { name: /Ana Silva/ }));
  expect(router.route.get()).toMatchObject({ name: "room", roomId: GROUP });
});

test("conversations whose names fit are above the messages", async () => {
  const { t, say } = await play(stories, stories.Found, "zh");
  const list = screen.getByRole("list", { name: t("search.conversations") });
  expect(list.textContent).toContain(say("Garden committee", "花园小组"));
});

test("says that nothing was found, and what was looked for", async () => {
  const { t } = await play(stories, stories.Nothing);
  await screen.findByText(t("search.none", { term: "qqqq" }));
});

test("a failure is said below the search, and can be tried again", async () => {
  const { t, user, account } = await play(stories, stories.Offline);
  expect((await screen.findByRole("alert")).textContent).toBe(t("problem.offline"));
  expect(account.search.status.get().state).toBe("ready");
  await user.click(screen.getByRole("button", { name: t("action.retry") }));
  await screen.findByRole("alert");
});

test("Escape leaves it", async () => {
  const { user, calls } = await play(stories, stories.Start);
  await user.keyboard("{Escape}");
  expect(calls.of("close")).toHaveLength(1);
});

test("says how far encrypted messages are searched", async () => {
  const { t } = await play(stories, stories.Off);
  expect(screen.getByRole("status").textContent).toBe(t("search.scope.off"));
});
