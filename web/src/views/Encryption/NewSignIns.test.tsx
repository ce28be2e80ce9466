import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./NewSignIns.stories.tsx";

testStories(stories);

test("where nobody has signed in there is no word", async () => {
  await play(stories, stories.Nobody);
  expect(screen.queryByRole("status")).toBeNull();
});

test("a sign-in is named, and somebody says that it was them", async () => {
  const { t, user, calls } = await play(stories, stories.One);
  const notice = screen.getByRole("status", { name: t.count("signIns.title", 1) });
  expect(notice.textContent).toContain("Firefox on Linux");
  await user.click(screen.getByRole("button", { name: t("signIns.mine") }));
  expect(calls.of("signIns.acknowledge")).toEqual([[]]);
});

test("who does not know it is led to the sessions", async () => {
  const { t, user } = await play(stories, stories.Several);
  screen.getByRole("status", { name: t.count("signIns.title", 2) });
  await user.click(screen.getByRole("button", { name: t("signIns.look") }));
  expect(router.route.get()).toEqual({ name: "settings", section: "sessions" });
});
