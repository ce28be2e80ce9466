import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import { SECTIONS } from "./sections.tsx";
import * as stories from "./SettingsList.stories.tsx";

testStories(stories);

test("every section has a link, and the one that is shown is marked", async () => {
  const { t } = await play(stories, stories.Chosen);
  for (const { title } of SECTIONS) screen.getByRole("link", { name: t(title) });
  expect(screen.getByRole("link", { name: t("settings.privacy") }).getAttribute("aria-current")).toBe("page");
});

test("a link leads to its section", async () => {
  const { t, user } = await play(stories, stories.Start);
  await user.click(screen.getByRole("link", { name: t("settings.storage") }));
  expect(router.route.get()).toEqual({ name: "settings", section: "storage" });
});

test("signing out asks first", async () => {
  const { t, user } = await play(stories, stories.Start);
  await user.click(screen.getByRole("button", { name: t("settings.signOut") }));
  screen.getByRole("dialog", { name: t("settings.signOut.title") });
});
