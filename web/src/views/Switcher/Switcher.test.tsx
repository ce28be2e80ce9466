import { fireEvent, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Switcher.stories.tsx";

testStories(stories);

const chosen = () => screen.getByRole("option", { selected: true });

test("a few letters and Enter lead to a conversation", async () => {
  const { user, calls } = await play(stories, stories.Full);
  await user.type(screen.getByRole("combobox"), "garden{Enter}");
  expect(calls.of("close")).toHaveLength(1);
  expect(router.route.get()).toEqual({ name: "room", roomId: GROUP });
});

test("arrows move through what was found, from its end to its beginning", async () => {
  const { user, say } = await play(stories, stories.Full, "zh");
  const box = screen.getByRole("combobox");
  const options = screen.getAllByRole("option");
  expect(chosen()).toBe(options[0]);
  await user.type(box, "{ArrowDown}");
  expect(chosen()).toBe(options[1]);
  within(chosen()).getByText(say("Garden committee", "花园小组"));
  expect(box.getAttribute("aria-activedescendant")).toBe(chosen().id);
  await user.type(box, "{ArrowUp}{ArrowUp}");
  expect(chosen()).toBe(options.at(-1));
});

test("the key that ends a composition opens nothing, also where only its code tells", async () => {
  const { user, calls } = await play(stories, stories.Full);
  const box = screen.getByRole("combobox");
  await user.type(box, "garden");
  fireEvent.keyDown(box, { key: "Enter", keyCode: 229 });
  expect(calls.of("close")).toHaveLength(0);
  fireEvent.keyDown(box, { key: "Enter", keyCode: 13 });
  expect(calls.of("close")).toHaveLength(1);
});

test("Escape closes it", async () => {
  const { user, calls } = await play(stories, stories.Full);
  await user.keyboard("{Escape}");
  expect(calls.of("close")).toHaveLength(1);
});

test("says that nothing is called so", async () => {
  const { t } = await play(stories, stories.NothingFound);
  expect(screen.queryAllByRole("option")).toEqual([]);
  screen.getByText(t("switcher.none"));
});
