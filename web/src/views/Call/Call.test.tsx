import { act, fireEvent, screen, within } from "@testing-library/react";
import { expect, onTestFinished, test, vi } from "vitest";
import { router } from "../../base/router.ts";
import type { Held } from "../../gallery/fakes/fake.ts";
import type { CallParticipant, CallState } from "../../matrix/calls/types.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Call.stories.tsx";

testStories(stories);

test("a server without calls offers none", async () => {
  await play(stories, { ...stories.Idle, knows: (say) => ({ ...stories.Idle.knows?.(say), inCalls: undefined }) });
  expect(screen.queryByRole("button")).toBeNull();
});

test("in a group one looks at one's devices before one joins", async () => {
  const { t, user, calls } = await play(stories, stories.Idle);
  await user.click(screen.getByRole("button", { name: t("call.video") }));
  const dialog = screen.getByRole("dialog", { name: t("call.ready.alone") });
  await user.click(within(dialog).getByRole("button", { name: t("call.camera.off") }));
  await user.click(within(dialog).getByRole("button", { name: t("call.ready.start") }));
  const [[roomId, options] = []] = calls.of("calls.join");
  expect(roomId).toBe(GROUP);
  expect(options).toMatchObject({ camera: false, ring: true });
});

test("who may not call is told why", async () => {
  const { t, user, calls } = await play(stories, stories.NotAllowed);
  const button = screen.getByRole("button", { name: `${t("call.voice")}: ${t("call.forbidden")}` });
  expect(button.getAttribute("aria-disabled")).toBe("true");
  await user.click(button);
  expect(calls.of("calls.join")).toEqual([]);
});

test("who may let everybody call is asked, and then calls", async () => {
  const { t, user, calls } = await play(stories, stories.MayAllow);
  await user.click(screen.getByRole("button", { name: t("call.voice") }));
  await user.click(screen.getByRole("button", { name: t("call.allow.do") }));
  expect(calls.of("calls.allow")).toEqual([[GROUP]]);
});

test("the banner names those who are in the call, and lets one join", async () => {
  const { t, user } = await play(stories, stories.Ongoing);
  const banner = screen.getByRole("region", { name: t.count("call.in", 5) });
  expect(banner.textContent).toContain("Ana Silva, Ben Okafor");
  await user.click(within(banner).getByRole("button", { name: t("call.join") }));
  screen.getByRole("dialog", { name: t("call.ready") });
});

test("M and V are the microphone and the camera, unless somebody writes", async () => {
  const { calls } = await play(stories, stories.Pair);
  fireEvent.keyDown(document.body, { key: "m" });
  expect(calls.of("session.setMicrophone")).toEqual([[false]]);
  fireEvent.keyDown(document.body, { key: "v" });
  expect(calls.of("session.setCamera")).toEqual([[true]]);
  const box = document.createElement("textarea");
  document.body.append(box);
  fireEvent.keyDown(box, { key: "m" });
  fireEvent.keyDown(document.body, { key: "m", ctrlKey: true });
  expect(calls.of("session.setMicrophone")).toHaveLength(1);
  box.remove();
});

test("it says whether the call is encrypted, and that one hangs up", async () => {
  const { t, user, calls } = await play(stories, stories.Pair);
  expect(screen.getByText(t("call.encrypted"))).toBeTruthy();
  await user.click(screen.getByRole("button", { name: t("call.hangup") }));
  expect(calls.of("session.leave")).toEqual([[]]);
  expect(screen.queryByRole("toolbar")).toBeNull();
});

test("a call that is not encrypted throughout does not say that it is", async () => {
  const { t } = await play(stories, stories.Full);
  expect(screen.queryByText(t("call.encrypted"))).toBeNull();
  expect(screen.getByText(t("call.unencrypted"))).toBeTruthy();
  expect(screen.getByText(t("call.person.notEncrypted"))).toBeTruthy();
});

test("who is pinned is large, until they are let go", async () => {
  const { t, user } = await play(stories, stories.Full);
  await user.click(screen.getByRole("button", { name: t("call.pin", { name: "Ben Okafor" }) }));
  expect(document.querySelector(".call-stage__large article")?.getAttribute("aria-label")).toBe("Ben Okafor");
  await user.click(screen.getByRole("button", { name: t("call.unpin", { name: "Ben Okafor" }) }));
  expect(document.querySelector(".call-stage__large")).toBeNull();
});

test("those who do not fit are on another page", async () => {
  const { t, user } = await play(stories, stories.Pages);
  expect(screen.getAllByRole("article")).toHaveLength(9);
  await user.click(screen.getByRole("button", { name: t("call.page.next") }));
  expect(screen.getAllByRole("article")).toHaveLength(6);
});

test("minimised, it is a line that leads back", async () => {
  const { t, user } = await play(stories, stories.Full);
  await user.click(screen.getByRole("button", { name: t("call.minimise") }));
  expect(screen.queryByRole("toolbar")).toBeNull();
  const bar = document.querySelector<HTMLElement>(".call-bar");
  expect(bar).not.toBeNull();
  if (bar !== null)
    await user.click(within(bar).getAllByRole("button", { name: new RegExp(t("call.enlarge")) })[0] ?? bar);
  expect(router.route.get()).toEqual({ name: "room", roomId: GROUP });
  screen.getByRole("toolbar", { name: t("call.controls") });
});

test("who comes and goes is said for a moment, whoever speaks meanwhile", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  onTestFinished(() => void vi.useRealTimers());
  const { t, account } = await play(stories, stories.Pair);
  const state = account.calls.get()?.current.get()?.state as Held<CallState>;
  const [ana] = state.get().others;
  const ben = {
    ...ana,
    key: "@ben:example.org:PHONE",
    person: { id: "@ben:example.org", name: "Ben" },
  } as CallParticipant;
  const set = (others: readonly unknown[]) =>
    act(() => state.set({ ...state.get(), others: others as CallParticipant[] }));
  set([ana, ben]);
  const news = document.querySelector(".call__news");
  expect(news?.textContent).toBe(t("call.joined", { name: "Ben" }));
  for (const speaking of [true, false, true]) {
    set([{ ...ana, speaking }, ben]);
    act(() => void vi.advanceTimersByTime(2_000));
  }
  expect(news?.textContent).toBe("");
  set([ana]);
  expect(news?.textContent).toBe(t("call.left", { name: "Ben" }));
});

test("a call that rings is answered, or declined with words", async () => {
  const accepted = await play(stories, stories.Ringing);
  const { t } = accepted;
  const card = screen.getByRole("alertdialog", { name: t("call.ring.voice", { name: "Ana Silva" }) });
  await accepted.user.click(within(card).getByRole("button", { name: t("call.ring.accept") }));
  expect(accepted.calls.of("calls.join")[0]?.[1]).toMatchObject({ microphone: true, camera: false, ring: false });
  await accepted.user.click(within(card).getByRole("button", { name: t("call.ring.reply") }));
  await accepted.user.type(screen.getByRole("textbox", { name: t("call.ring.reply.own") }), "On a train{Enter}");
  expect(accepted.calls.of("calls.decline")[0]?.slice(1)).toEqual(["On a train"]);
});
