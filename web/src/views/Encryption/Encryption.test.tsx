import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Encryption.stories.tsx";

testStories(stories);

test("a recovery key is shown, and stored when somebody says that it is saved", async () => {
  const { t, user, calls } = await play(stories, stories.RecoveryKey);
  expect(screen.getByLabelText(t("recovery.key")).textContent).toContain("EsTc 7mRn");
  await user.click(screen.getByRole("button", { name: t("recovery.saved") }));
  await settled();
  expect(calls.of("encryption.saveRecovery")).toHaveLength(1);
  screen.getByRole("dialog", { name: t("recovery.done.title") });
});

test("nothing can be stored before there is a key", async () => {
  const { t } = await play(stories, stories.MakingKey);
  expect(screen.getByRole("button", { name: t("recovery.saved") }).hasAttribute("disabled")).toBe(true);
});

test("where the server asks for it, there is a field for the password", async () => {
  const { t } = await play(stories, stories.PasswordWanted);
  expect(screen.getByRole("alert").textContent).toBe(t("problem.password-needed"));
  screen.getByLabelText(t("encryption.password"));
});

test("a passphrase that is short, or typed differently, is not taken", async () => {
  const { t, user, calls } = await play(stories, stories.Passphrase);
  await user.type(screen.getByLabelText(t("recovery.passphrase")), "short");
  await user.type(screen.getByLabelText(t("recovery.passphrase.again")), "other{Enter}");
  screen.getByText(t("recovery.passphrase.short"));
  screen.getByText(t("recovery.passphrase.differs"));
  expect(calls.of("encryption.saveRecovery")).toEqual([]);
});

test("a wrong recovery key is said beside the field", async () => {
  const { t, calls } = await play(stories, stories.WrongKey);
  expect((await screen.findByRole("alert")).textContent).toBe(t("problem.wrong-recovery-key"));
  expect(calls.of("encryption.recover")).toEqual([["EsTc 7mRn"]]);
});

test("a request of somebody is accepted or declined", async () => {
  const { t, user, calls } = await play(stories, stories.Asked);
  const request = within(screen.getByRole("alertdialog", { name: t("verify.asked.title") }));
  await user.click(request.getByRole("button", { name: t("action.accept") }));
  await user.click(request.getByRole("button", { name: t("action.decline") }));
  expect(calls.of("verification.accept")).toHaveLength(1);
  expect(calls.of("encryption.endVerification")).toHaveLength(1);
});

test("emoji have names, and are the same or not", async () => {
  const { t, user, calls } = await play(stories, stories.Compare);
  expect(screen.getAllByRole("listitem")[0]?.textContent).toMatch(/dog/i);
  await user.click(screen.getByRole("button", { name: t("verify.match") }));
  await user.click(screen.getByRole("button", { name: t("verify.mismatch") }));
  expect(calls.of("verification.confirm")).toHaveLength(1);
  expect(calls.of("verification.mismatch")).toHaveLength(1);
});

test("a code is a picture with a name, and emoji are the other way", async () => {
  const { t, user, calls } = await play(stories, stories.Choose);
  screen.getByRole("img", { name: t("verify.code.image") });
  await user.click(screen.getByRole("button", { name: t("verify.pictures") }));
  expect(calls.of("verification.compare")).toHaveLength(1);
});

test("without a camera a picture of the code can be read", async () => {
  const { t } = await play(stories, stories.Scanning);
  expect((await screen.findByRole("status")).textContent).toBe(t("scan.missing"));
  screen.getByRole("button", { name: t("scan.picture") });
});

test("who does not see the tick says so", async () => {
  const { t, user, calls } = await play(stories, stories.Scanned);
  await user.click(screen.getByRole("button", { name: t("verify.scanned.no") }));
  expect(calls.of("verification.denyScan")).toHaveLength(1);
});

test("Escape ends a verification", async () => {
  const { user, calls } = await play(stories, stories.Waiting);
  await user.keyboard("{Escape}");
  expect(calls.of("encryption.endVerification")).toHaveLength(1);
});

test("somebody without an identity cannot be verified, and that is said", async () => {
  const { t } = await play(stories, stories.NoIdentity);
  screen.getByText(t("problem.no-identity"));
});

test("the last resort wants the password, and keeps its dialog when that is wrong", async () => {
  const { t, calls } = await play(stories, stories.NotReset);
  expect((await screen.findByRole("alert")).textContent).toBe(t("problem.wrong-password"));
  expect(calls.of("encryption.reset")).toEqual([["not it"]]);
  screen.getByRole("dialog", { name: t("verify.reset.title") });
  expect(calls.of("close")).toEqual([]);
});
