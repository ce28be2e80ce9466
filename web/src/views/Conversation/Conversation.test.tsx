import { cleanup, fireEvent, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { cast } from "../../gallery/fakes/people.ts";
import type { Story } from "../../gallery/story.ts";
import { onPhone, play, settled, testStories } from "../../gallery/testing.tsx";
import type { Say } from "../../gallery/fakes/world.ts";
import { encryptionDialog } from "../../viewmodels/encryption.ts";
import * as stories from "./Conversation.stories.tsx";

testStories(stories);

test("the head says who is typing, and that it is encrypted", async () => {
  const { t } = await play(stories, stories.Group);
  expect(screen.getByRole("button", { name: /Garden committee/ }).textContent).toContain("Ben Okafor");
  screen.getByRole("img", { name: t("encryption.on") });
});

test("on a phone, where the list is not there, the head says that the connection is lost", async () => {
  const lost = { ...stories.Group, knows: (say: Say) => ({ ...stories.Group.knows?.(say), status: "reconnecting" }) };
  const { t } = await play(stories, lost as Story);
  expect(screen.queryByText(t("connection.lost"))).toBeNull();
  cleanup();
  onPhone();
  await play(stories, lost as Story);
  screen.getByText(t("connection.lost"));
});

test("details open from the head and close by Escape or their cross", async () => {
  const { t, user } = await play(stories, stories.Group);
  await user.click(screen.getByRole("button", { name: t("details.open"), pressed: false }));
  const drawer = screen.getByRole("complementary", { name: t("details.title.group") });
  await user.click(within(drawer).getByRole("button", { name: t("action.close") }));
  expect(screen.queryByRole("complementary", { name: t("details.title.group") })).toBeNull();
});

test("a pinned message leads to its place, and the next press to the one before", async () => {
  const { t, user, calls } = await play(stories, stories.Pinned);
  const pin = screen.getByRole("button", { name: new RegExp(t("pins.position", { position: 2, total: 2 })) });
  await user.click(pin);
  await settled();
  expect(calls.of("timeline.show")).toHaveLength(1);
  expect(pin.textContent).toContain(t("pins.position", { position: 1, total: 2 }));
});

test("a changed identity is said above the box, and is verified again or accepted", async () => {
  const { t, user, calls, say } = await play(stories, stories.ChangedIdentity);
  const { ben } = cast(say);
  screen.getByText(t("trust.verified-changed", { name: ben.name }));
  await user.click(screen.getByRole("button", { name: t("trust.verifyAgain") }));
  expect(encryptionDialog.get()).toEqual({ kind: "person", userId: ben.id });
  await user.click(screen.getByRole("button", { name: t("trust.withdraw") }));
  expect(calls.of("encryption.trust.accept")).toHaveLength(0);
  expect(calls.of("trust.accept")[0]).toMatchObject([{ kind: "verified-changed" }]);
});

test("an upload tells how far it is; one that failed says why and is tried again", async () => {
  const { t, user, calls } = await play(stories, stories.Uploads);
  expect(screen.getByRole("progressbar").getAttribute("value")).toBe("0.4");
  expect(screen.getByRole("alert").textContent).toContain(t("problem.too-large"));
  await user.click(screen.getAllByRole("button", { name: t("action.retry") }).at(-1) as HTMLElement);
  expect(calls.of("sending.retry")).toHaveLength(1);
  await user.click(screen.getAllByRole("button", { name: t("composer.upload.cancel") })[0] as HTMLElement);
  expect(calls.of("sending.discard")).toHaveLength(1);
});

test("chosen messages are counted, and Escape gives them up", async () => {
  const { t, user } = await play(stories, stories.Choosing);
  screen.getByText(t.count("selection.count", 2));
  expect(screen.getByRole("button", { name: t("action.delete") }).hasAttribute("disabled")).toBe(true);
  await user.keyboard("{Escape}");
  expect(screen.queryByText(t.count("selection.count", 2))).toBeNull();
});

test("mentions are jumped to from the menu", async () => {
  const { t, user, calls } = await play(stories, stories.Menu);
  await user.click(screen.getByRole("menuitem", { name: t("jump.mention") }));
  expect(calls.of("history.nextMention")).toHaveLength(1);
});

test("who was removed is told by whom and why, and cannot write", async () => {
  const { t, user, calls } = await play(stories, stories.Removed);
  screen.getByText(t("ended.removed", { name: "Ana Silva" }));
  expect(screen.queryByRole("textbox")).toBeNull();
  await user.click(screen.getByRole("button", { name: t("ended.forget") }));
  expect(calls.of("room.forget")).toHaveLength(1);
});

test("a public group that was left is joined again", async () => {
  const { t, user, calls } = await play(stories, stories.Left);
  await user.click(screen.getByRole("button", { name: t("ended.rejoin") }));
  expect(calls.of("directory.join")).toEqual([["!garden:example.org"]]);
});

test("who was banned is not offered to join again", async () => {
  const { t } = await play(stories, stories.Banned);
  screen.getByRole("button", { name: t("ended.forget") });
  expect(screen.queryByRole("button", { name: t("ended.rejoin") })).toBeNull();
});

test("an upgraded group leads to its successor", async () => {
  const { t, user } = await play(stories, stories.Upgraded);
  await user.click(screen.getByRole("link", { name: t("successor.open") }));
  expect(router.route.get()).toEqual({ name: "room", roomId: "!new:example.org" });
});

test("arrows lead through the pictures, and Escape closes them", async () => {
  const { user, calls } = await play(stories, stories.TallPicture);
  await user.keyboard("{ArrowRight}{ArrowLeft}");
  expect(calls.of("show")).toHaveLength(2);
  await user.keyboard("{Escape}");
  expect(calls.of("close")).toHaveLength(1);
});

test("a file that is no picture is said to be none", async () => {
  const { t } = await play(stories, stories.TallPicture);
  fireEvent.error(screen.getByRole("img"));
  screen.getByText(t("message.imageBroken"));
  screen.getByRole("button", { name: t("action.download") });
});

test("a picture that cannot be had says so, and can still be saved", async () => {
  const { t, user, calls } = await play(stories, stories.BrokenPicture);
  screen.getByText(t("message.imageFailed"));
  await user.click(screen.getByRole("button", { name: t("action.download") }));
  expect(calls.of("media.save")).toHaveLength(1);
});

test("files are sent with their captions, by Enter", async () => {
  const { t, user, calls } = await play(stories, stories.Files);
  await user.type(
    screen.getByRole("textbox", { name: t("composer.caption", { name: "Seeds.csv" }) }),
    "for spring{Enter}",
  );
  expect(calls.of("send")).toEqual([
    [
      ["Seeds.csv", expect.stringMatching(/\.zip$/)],
      ["for spring", ""],
    ],
  ]);
  expect(calls.of("close")).toHaveLength(1);
});

test("the first message of a day is looked for", async () => {
  const { t, user, calls } = await play(stories, stories.DateJump);
  const go = screen.getByRole("button", { name: t("jump.go") });
  expect(go.hasAttribute("disabled")).toBe(true);
  await user.type(screen.getByLabelText(t("jump.day")), "2026-03-01");
  await user.click(go);
  await settled();
  expect(calls.of("history.at")).toEqual([[new Date("2026-03-01T00:00:00").getTime()]]);
});
