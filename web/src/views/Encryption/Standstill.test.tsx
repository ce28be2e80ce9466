import { screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { play, testStories } from "../../gallery/testing.tsx";
import { app } from "../../viewmodels/app.ts";
import * as stories from "./Standstill.stories.tsx";

testStories(stories);

test("another tab gives way when it is asked", async () => {
  const { t, user } = await play(stories, stories.OtherTab);
  const runHere = vi.spyOn(app, "runHere").mockResolvedValue();
  await user.click(screen.getByRole("button", { name: t("tabs.useHere") }));
  expect(runHere).toHaveBeenCalled();
  runHere.mockRestore();
});

test("while it takes over, it is not asked again", async () => {
  const { t } = await play(stories, stories.TakingOver);
  expect(screen.getByRole("button", { name: t("tabs.useHere") }).hasAttribute("disabled")).toBe(true);
});

test("a session without its keys is signed out, once", async () => {
  const { t, user } = await play(stories, stories.LostKeys);
  const signOut = vi.spyOn(app, "signOut").mockResolvedValue();
  await user.click(screen.getByRole("button", { name: t("keysLost.signIn") }));
  await user.click(screen.getByRole("button", { name: t("keysLost.signIn") }));
  expect(signOut).toHaveBeenCalledTimes(1);
  signOut.mockRestore();
});
