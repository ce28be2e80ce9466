import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./SavedMessages.stories.tsx";

testStories(stories);

test("a saved message leads to its place", async () => {
  const { user, calls } = await play(stories, stories.Full);
  await user.click(screen.getByRole("button", { name: /Flour, water, salt/ }));
  expect(calls.of("close")).toHaveLength(1);
  expect(router.route.get()).toEqual({ name: "room", roomId: GROUP, eventId: "$recipe" });
});

test("one that is gone says so, and can still be put away", async () => {
  const { t, user, calls } = await play(stories, stories.Full);
  screen.getByText(t("saved.gone"));
  await user.click(screen.getAllByRole("button", { name: t("action.unbookmark") }).at(-1) as HTMLElement);
  expect(calls.of("saved.set")).toEqual([["!ana:example.org", "$gone", false]]);
});

test("says what belongs here where there is nothing", async () => {
  const { t } = await play(stories, stories.Empty);
  screen.getByText(t("saved.empty"));
});
