import { screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { play, testStories } from "../../gallery/testing.tsx";
import { toast } from "../../viewmodels/toasts.ts";
import * as stories from "./Thread.stories.tsx";

testStories(stories);

test("a thread of the list is opened", async () => {
  const { t, user, calls } = await play(stories, stories.List);
  const list = screen.getByRole("list", { name: t("thread.list") });
  expect(list.textContent).toContain(t.count("thread.replies", 14));
  await user.click(screen.getByRole("button", { name: /Which apple trees/ }));
  expect(calls.of("view")[0]).toMatchObject([{ kind: "thread" }]);
});

test("says that there are none only once that is known", async () => {
  const { t } = await play(stories, stories.None);
  screen.getByText(t("thread.none"));
});

test("nothing is said while they are being asked for", async () => {
  const { t } = await play(stories, stories.Loading);
  expect(screen.queryByText(t("thread.none"))).toBeNull();
});

test("an open thread has its messages and a box to answer in", async () => {
  const { t } = await play(stories, stories.Open);
  screen.getByRole("region", { name: t("thread.title") });
  expect(screen.getAllByRole("article")).toHaveLength(3);
  screen.getByRole("textbox", { name: t("composer.label") });
});

test("one that cannot be opened gives way, and the reason is said", async () => {
  const { calls } = await play(stories, stories.NotOpened);
  await waitFor(() => expect(calls.of("view")).toEqual([[{ kind: "about" }]]));
  expect(toast.get()?.message).toEqual({ problem: { kind: "offline" } });
});
