import { screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { router } from "../../base/router.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import { app } from "../../viewmodels/app.ts";
import * as stories from "./Auth.stories.tsx";

testStories(stories);

test("signs in with what was typed, by Enter", async () => {
  const { t, user, calls } = await play(stories, stories.SignIn);
  const name = screen.getByLabelText(t("auth.userName"));
  expect(document.activeElement).toBe(name);
  await user.type(name, "ana");
  await user.type(screen.getByLabelText(t("auth.password")), "a secret{Enter}");
  expect(calls.of("auth.signIn")).toEqual([["ana", "a secret"]]);
});

test("shows the password to who wants to see it", async () => {
  const { t, user } = await play(stories, stories.SignIn);
  const field = () => screen.getByLabelText(t("auth.password")).getAttribute("type");
  expect(field()).toBe("password");
  await user.click(screen.getByRole("button", { name: t("auth.password.show") }));
  expect(field()).toBe("text");
});

test("says what was wrong in words, and aloud", async () => {
  const { t } = await play(stories, stories.WrongPassword);
  expect(screen.getByRole("alert").textContent).toBe(t("problem.wrong-credentials"));
});

test("cannot be sent twice", async () => {
  const { t } = await play(stories, stories.Busy);
  expect(screen.getByRole("button", { name: t("auth.signIn") }).hasAttribute("disabled")).toBe(true);
});

test("registers with a name in small letters, and not with one that is taken", async () => {
  const { t, user, calls } = await play(stories, stories.Register);
  await user.type(screen.getByLabelText(t("auth.userName")), "Ana");
  expect(calls.of("auth.checkName").at(-1)).toEqual(["ana"]);
  await user.type(screen.getByLabelText(t("auth.password")), "a long secret{Enter}");
  expect(calls.of("auth.register")).toEqual([["ana", "a long secret", ""]]);
});

test("a name that is taken is marked, and its hint says so", async () => {
  const { t } = await play(stories, stories.NameTaken);
  const name = screen.getByLabelText(t("auth.userName"));
  expect(name.getAttribute("aria-invalid")).toBe("true");
  const hint = document.getElementById(name.getAttribute("aria-describedby") ?? "");
  expect(hint?.textContent).toBe(t("auth.name.taken", { name: "" }));
  expect(screen.getByRole("button", { name: t("auth.register") }).hasAttribute("disabled")).toBe(true);
});

test("goes on when all documents were agreed to", async () => {
  const { t, user, calls } = await play(stories, stories.Terms);
  const go = screen.getByRole("button", { name: t("auth.step.continue") });
  for (const box of screen.getAllByRole("checkbox")) {
    expect(go.hasAttribute("disabled")).toBe(true);
    await user.click(box);
  }
  await user.click(go);
  expect(calls.of("auth.acceptTerms")).toHaveLength(1);
});

test("another server is asked for by its name, and one's own is a press away", async () => {
  const { t, user, calls } = await play(stories, stories.ChoosingServer);
  await user.type(screen.getByLabelText(t("auth.serverName")), "other.example{Enter}");
  await user.click(screen.getByRole("button", { name: t("auth.ownServer", { server: "example.org" }) }));
  expect(calls.of("auth.takeServer")).toEqual([["other.example"]]);
  expect(calls.of("auth.takeOwnServer")).toHaveLength(1);
});

test("an account that is signed in is used again by one press", async () => {
  const { user, say } = await play(stories, stories.OtherAccounts);
  const { ana } = cast(say);
  const switchTo = vi.spyOn(app, "switchTo").mockResolvedValue();
  await user.click(screen.getByRole("button", { name: new RegExp(ana.name) }));
  expect(switchTo).toHaveBeenCalledWith(ana.id);
  switchTo.mockRestore();
});

test("leads from the one form to the other", async () => {
  const { t, user } = await play(stories, stories.SignIn);
  await user.click(screen.getByRole("link", { name: t("auth.toRegister") }));
  expect(router.route.get().name).toBe("register");
});
