import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./NewGroup.stories.tsx";

testStories(stories);

test("makes a group that is encrypted and opens it", async () => {
  const { t, user, calls } = await play(stories, stories.Private);
  const create = screen.getByRole("button", { name: t("group.new.create") });
  expect(create.hasAttribute("disabled")).toBe(true);
  await user.type(screen.getByLabelText(t("group.new.name")), "Choir");
  await user.click(create);
  const [group] = calls.of("directory.createGroup")[0] ?? [];
  expect(group).toMatchObject({ name: "Choir", public: false, encrypted: true, invite: [] });
  expect(router.route.get()).toEqual({ name: "room", roomId: "!newgroup:example.org" });
  expect(calls.of("close")).toHaveLength(1);
});

test("a public group has an address from its name", async () => {
  const { t, user, calls } = await play(stories, stories.Public);
  expect(screen.getByLabelText<HTMLInputElement>(t("group.new.address")).value).toBe("night-of-games");
  await user.click(screen.getByRole("button", { name: t("group.new.create") }));
  expect(calls.of("directory.createGroup")[0]?.[0]).toMatchObject({ public: true, alias: "night-of-games" });
});

test("an address that is taken is said where it was asked for, and nothing is lost", async () => {
  const { t, calls } = await play(stories, stories.AddressTaken);
  expect(screen.getByRole("alert").textContent).toBe(t("problem.alias-taken"));
  expect(screen.getByLabelText<HTMLInputElement>(t("group.new.name")).value).toBe("Night of games");
  expect(calls.of("close")).toEqual([]);
});

test("in a space it is added to that", async () => {
  const { t, user, calls } = await play(stories, stories.InSpace);
  await user.type(screen.getByLabelText(t("group.new.name")), "Cellar");
  await user.click(screen.getByRole("button", { name: t("group.new.create") }));
  expect(calls.of("spaces.add")).toEqual([["!house:example.org", "!newgroup:example.org"]]);
});
