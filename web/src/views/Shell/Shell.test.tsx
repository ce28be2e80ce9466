import { cleanup, screen, waitFor, within } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { router } from "../../base/router.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import { app } from "../../viewmodels/app.ts";
import { encryptionDialog } from "../../viewmodels/encryption.ts";
import { FOLDED, listWidth, USUAL } from "../../viewmodels/listwidth.ts";
import * as stories from "./Shell.stories.tsx";

testStories(stories);

test("the rail leads through the client and says where one is", async () => {
  const { t, user } = await play(stories, stories.Start);
  const rail = within(screen.getByRole("navigation", { name: t("nav.label") }));
  expect(rail.getByRole("link", { name: new RegExp(t("nav.chats")) }).getAttribute("aria-current")).toBe("page");
  await user.click(rail.getByRole("link", { name: t("nav.people") }));
  expect(rail.getByRole("link", { name: t("nav.people") }).getAttribute("aria-current")).toBe("page");
  screen.getByRole("heading", { name: t("people.title") });
});

test("a conversation is to be picked where there is one", async () => {
  const { t } = await play(stories, stories.Start);
  screen.getByText(t("chats.welcome.title"));
  cleanup();
  await play(stories, stories.NewAccount);
  expect(screen.queryByText(t("chats.welcome.title"))).toBeNull();
  screen.getByText(t("chats.empty.title"));
});

test("the number of what is new stands in the title", async () => {
  const { t } = await play(stories, stories.Start);
  expect(document.title).toMatch(new RegExp(`^\\(\\d+\\) ${t("app.name")}$`));
});

test("a lost connection is said, and tried again", async () => {
  const { t, user, calls } = await play(stories, stories.Offline);
  screen.getByText(t("connection.lost"));
  await user.click(screen.getByRole("button", { name: t("connection.retry") }));
  expect(calls.of("reconnect").length).toBeGreaterThan(0);
});

test("what encryption lacks is said above the list, and can be put off", async () => {
  const { t, user } = await play(stories, stories.NoRecovery);
  const reminder = within(screen.getByRole("complementary", { name: t("recovery.title") }));
  await user.click(reminder.getByRole("button", { name: t("recovery.setUp") }));
  expect(encryptionDialog.get()).toEqual({ kind: "recovery" });
});

test("later is a week from now", async () => {
  const { t, user } = await play(stories, stories.NoRecovery);
  await user.click(screen.getByRole("button", { name: t("recovery.later") }));
  expect(screen.queryByRole("complementary", { name: t("recovery.title") })).toBeNull();
});

test("the edge of the list is moved by arrows, and folds it", async () => {
  const { t, user } = await play(stories, stories.Start);
  const edge = screen.getByRole("separator", { name: t("list.width") });
  edge.focus();
  await user.keyboard("{ArrowRight}");
  expect(listWidth.get()).toBe(USUAL + 1);
  await user.keyboard("{Home}");
  expect(listWidth.get()).toBe(FOLDED);
  expect(edge.getAttribute("aria-valuenow")).toBe(String(FOLDED));
});

test("Ctrl and K open the switcher, Escape closes it", async () => {
  const { t, user } = await play(stories, stories.Start);
  await user.keyboard("{Control>}k{/Control}");
  screen.getByRole("dialog", { name: t("switcher.title") });
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("signing out warns of what was not sent", async () => {
  const { t, user } = await play(stories, stories.Unsent);
  screen.getByText(t.count("outbox.leave.text", 3));
  await user.click(screen.getByRole("button", { name: t("outbox.leave.back") }));
  expect(app.unsent.get()).toBeUndefined();
});

test("another account is used by one press", async () => {
  const { t, user } = await play(stories, stories.Accounts);
  const switchTo = vi.spyOn(app, "switchTo").mockResolvedValue();
  const accounts = within(screen.getByRole("dialog", { name: t("accounts.title") }));
  await user.click(accounts.getByRole("button", { name: /^Ana Silva/ }));
  expect(switchTo).toHaveBeenCalledWith("@ana:example.org");
  switchTo.mockRestore();
});

test("an address that leads nowhere says so", async () => {
  const { t } = await play(stories, stories.UnknownLink);
  screen.getByText(t("open.unknown"));
});

test("the search takes the place of the list, and gives it back", async () => {
  const { t, user } = await play(stories, stories.Searching);
  await user.click(await screen.findByRole("button", { name: t("action.back") }));
  await settled();
  await waitFor(() => expect(document.activeElement).toBe(screen.getByRole("button", { name: t("search.open") })));
  expect(router.route.get()).toEqual({ name: "chats" });
});
