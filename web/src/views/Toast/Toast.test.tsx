import { act, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { play, testStories } from "../../gallery/testing.tsx";
import { attempt, toast } from "../../viewmodels/toasts.ts";
import * as stories from "./Toast.stories.tsx";

testStories(stories);

test("the region that is read aloud is there before there is something to say", async () => {
  await play(stories, stories.Nothing);
  expect(screen.getByRole("status").textContent).toBe("");
});

test("what fails is said in words, and not how the server calls it", async () => {
  const { t } = await play(stories, stories.Nothing);
  await act(() => attempt(async () => Promise.reject(new TypeError("Failed to fetch"))));
  expect(screen.getByRole("status").textContent).toBe(t("problem.offline"));
  act(() => toast.set(undefined));
  expect(screen.getByRole("status").textContent).toBe("");
});
