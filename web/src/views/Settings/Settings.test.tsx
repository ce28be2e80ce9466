import { act, screen, within } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { preferences } from "../../base/preferences.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import { app } from "../../viewmodels/app.ts";
import { drafts } from "../../viewmodels/drafts.ts";
import { encryptionDialog } from "../../viewmodels/encryption.ts";
import * as stories from "./Settings.stories.tsx";

testStories(stories);

test("a name is saved once it is another one", async () => {
  const { t, user, calls } = await play(stories, stories.Profile);
  const name = screen.getByLabelText(t("settings.name"));
  const [save] = screen.getAllByRole("button", { name: t("action.save") });
  expect(save?.hasAttribute("disabled")).toBe(true);
  await user.type(name, " II{Enter}");
  expect(calls.of("setName")).toEqual([["Robin Chen II"]]);
});

test("a status is set", async () => {
  const { t, user, calls } = await play(stories, stories.Profile);
  const status = screen.getByLabelText<HTMLInputElement>(t("settings.status.field"));
  expect(status.value).toBe("Watering the plants");
  await user.type(status, " again{Enter}");
  expect(calls.of("presence.setStatus")).toEqual([["Watering the plants again"]]);
});

test("a wrong password is said below the fields, and what was typed stays", async () => {
  const { t, calls } = await play(stories, stories.WrongPassword);
  expect(screen.getByRole("alert").textContent).toBe(t("settings.password.wrong"));
  expect(calls.of("setPassword")).toEqual([["not it", "a longer one", true]]);
  expect(screen.getByLabelText<HTMLInputElement>(t("settings.password.next")).value).toBe("a longer one");
});

test("an account ends only with its password", async () => {
  const { t, user, calls } = await play(stories, stories.Deactivating);
  const dialog = within(screen.getByRole("dialog"));
  const end = dialog.getByRole("button", { name: t("settings.deactivate.do") });
  expect(end.hasAttribute("disabled")).toBe(true);
  const signOut = vi.spyOn(app, "signOut").mockResolvedValue();
  await user.type(dialog.getByLabelText(t("settings.password.current")), "a secret");
  expect(calls.of("deactivate")).toEqual([]);
  await user.click(end);
  expect(calls.of("deactivate")).toEqual([["a secret", false]]);
  expect(signOut).toHaveBeenCalled();
  signOut.mockRestore();
});

test("who signs out before the keys are saved is told, until they are", async () => {
  const counts = [2, 0];
  const unsavedKeys = async () => counts.shift() ?? 0;
  const story = { ...stories.SigningOutTooSoon, knows: () => ({ unsavedKeys }) };
  const { t } = await play(stories, story);
  const dialog = within(screen.getByRole("dialog"));
  await dialog.findByText(t.count("encryption.signOut.unsaved", 2));
  dialog.getByRole("button", { name: t("settings.signOut.anyway") });
  await dialog.findByText(t("settings.signOut.text"));
  dialog.getByRole("button", { name: t("settings.signOut") });
});

test("what is missing of the encryption is offered first", async () => {
  const { t, user } = await play(stories, stories.NoRecovery);
  await user.click(screen.getByRole("button", { name: t("recovery.setUp") }));
  expect(encryptionDialog.get()).toEqual({ kind: "recovery" });
});

test("keys are exported with a passphrase that is long enough", async () => {
  const { t, user, calls } = await play(stories, stories.ExportingKeys);
  const dialog = within(screen.getByRole("dialog"));
  const passphrase = dialog.getByLabelText(t("recovery.passphrase"));
  await user.type(passphrase, "seven77");
  expect(dialog.getByRole("button", { name: t("encryption.export") }).hasAttribute("disabled")).toBe(true);
  await user.type(passphrase, "7{Enter}");
  expect(calls.of("encryption.exportKeys")).toEqual([["seven777"]]);
});

test("other sessions are ended with the password", async () => {
  const { t, user, calls } = await play(stories, stories.EndingSession);
  await user.type(screen.getByLabelText(t("encryption.password")), "a secret{Enter}");
  expect(calls.of("encryption.endSessions")).toEqual([[["KDHSGEYRNB", "OLDTERMINAL", "LONGNAMED"], "a secret"]]);
});

test("the list of sessions follows what the engine hears of them", async () => {
  const { calls, account } = await play(stories, stories.Sessions);
  const before = calls.of("encryption.sessions").length;
  act(() => account.encryption.ownDevices.set(1));
  await settled();
  expect(calls.of("encryption.sessions")).toHaveLength(before + 1);
});

test("a session is renamed", async () => {
  const { t, user, calls } = await play(stories, stories.RenamingSession);
  await user.type(screen.getByLabelText(t("sessions.name")), " 2{Enter}");
  expect(calls.of("encryption.renameSession")).toEqual([["KDHSGEYRNB", "Phone 2"]]);
});

test("sessions that cannot be had say why", async () => {
  const { t } = await play(stories, stories.SessionsOffline);
  expect(screen.getByRole("alert").textContent).toBe(t("problem.offline"));
});

test("what others hear is a preference", async () => {
  const { t, user, calls } = await play(stories, stories.Privacy);
  await user.click(screen.getByRole("switch", { name: new RegExp(`^${t("settings.typing")}`) }));
  expect(preferences.get().typing).toBe("hidden");
  await user.click(screen.getByRole("switch", { name: new RegExp(`^${t("settings.invites.take")}`) }));
  expect(calls.of("persons.setInvites")).toEqual([["nobody"]]);
});

test("a keyword is added once and removed", async () => {
  const { t, user, calls } = await play(stories, stories.Notifications);
  await user.type(screen.getByLabelText(t("notify.keywords.add")), "garden{Enter}");
  await user.type(screen.getByLabelText(t("notify.keywords.add")), "trees{Enter}");
  expect(calls.of("push.addKeyword")).toEqual([["trees"]]);
  await user.click(screen.getByRole("button", { name: t("notify.keywords.remove", { word: "garden" }) }));
  expect(calls.of("push.removeKeyword")).toEqual([["garden"]]);
});

test("a switch of the account moves at once and goes to the server", async () => {
  const { t, user, calls } = await play(stories, stories.Notifications);
  await user.click(screen.getByRole("switch", { name: new RegExp(`^${t("notify.paused")}`) }));
  await settled();
  expect(calls.of("push.setPaused")).toEqual([[true]]);
});

test("the browser's no is said", async () => {
  const { t } = await play(stories, stories.NotificationsDenied);
  screen.getByText(t("notify.denied"));
});

test("looks are chosen from groups with names", async () => {
  const { t, user } = await play(stories, stories.Appearance);
  await user.click(
    within(screen.getByRole("radiogroup", { name: t("settings.accent") })).getByRole("radio", {
      name: t("settings.accent.teal"),
    }),
  );
  await user.click(
    within(screen.getByRole("radiogroup", { name: t("settings.layout") })).getByRole("radio", {
      name: t("settings.layout.compact"),
    }),
  );
  expect(preferences.get()).toMatchObject({ accent: "teal", layout: "compact" });
});

test("another language is another language at once", async () => {
  const { user } = await play(stories, stories.Language);
  await user.click(screen.getByRole("radio", { name: "简体中文" }));
  await screen.findByRole("heading", { name: "语言" });
});

test("drafts are removed after a question", async () => {
  const { t, user } = await play(stories, stories.Storage);
  const clear = screen.getAllByRole("button", { name: t("action.clear") }).at(-1) as HTMLElement;
  await user.click(clear);
  expect(Object.keys(drafts.get())).toHaveLength(1);
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: t("action.clear") }));
  expect(drafts.get()).toEqual({});
});

test("the index is switched on", async () => {
  const { t, user, calls } = await play(stories, stories.NoIndex);
  await user.click(screen.getByRole("switch", { name: t("storage.index.on") }));
  expect(calls.of("search.setOn")).toEqual([[true]]);
});

test("an address of no section says so", async () => {
  const { t } = await play(stories, stories.NoSuchSection);
  screen.getByText(t("page.notFound"));
});
