import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import { drafts } from "../../viewmodels/drafts.ts";
import * as stories from "./Composer.stories.tsx";

testStories(stories);

const box = () => screen.getByRole<HTMLTextAreaElement>("textbox");

test("Enter sends, and leaves an empty box", async () => {
  const { t, user, calls } = await play(stories, stories.Empty);
  expect(screen.queryByRole("button", { name: t("action.send") })).toBeNull();
  await user.type(box(), "hello{Enter}");
  expect(calls.of("sending.text")).toEqual([["hello", undefined, { mentions: [], everyone: false, emotes: [] }]]);
  expect(box().value).toBe("");
  expect(drafts.get()[GROUP]).toBeUndefined();
});

test("Shift and Enter break the line, and what is typed is kept as a draft", async () => {
  const { user, calls } = await play(stories, stories.Empty);
  await user.type(box(), "one{Shift>}{Enter}{/Shift}two");
  expect(calls.of("sending.text")).toEqual([]);
  expect(drafts.get()[GROUP]).toBe("one\ntwo");
});

test("a draft is there again", async () => {
  const { t, user, calls } = await play(stories, stories.Draft);
  expect(box().value).toContain("I thought about it");
  await user.click(screen.getByRole("button", { name: t("action.send") }));
  expect(calls.of("sending.text")).toHaveLength(1);
});

test("Escape leaves an answer, and the text stays", async () => {
  const { t, user } = await play(stories, stories.Reply);
  await user.type(box(), "so");
  screen.getByRole("button", { name: t("action.cancel") });
  await user.keyboard("{Escape}");
  expect(screen.queryByRole("button", { name: t("action.cancel") })).toBeNull();
  expect(box().value).toBe("so");
});

test("an edit begins with what was said, and is saved as one", async () => {
  const { t, user, calls } = await play(stories, stories.Edit);
  expect(box().value).toBe("They look wonderfull");
  await user.type(box(), "{Backspace}!");
  await user.click(screen.getByRole("button", { name: t("action.save") }));
  expect(calls.of("sending.edit")[0]?.[1]).toBe("They look wonderful!");
});

test("arrow up in an empty box edits the last message of one's own", async () => {
  const { t, user } = await play(stories, stories.Scheduled);
  await user.type(box(), "{ArrowUp}");
  expect(box().value).toBe("They look wonderful!");
  screen.getByText(t("composer.editing"));
});

test("a person is chosen from the suggestions by the keyboard", async () => {
  const { t, user } = await play(stories, stories.People);
  const list = screen.getByRole("listbox", { name: t("composer.suggestions") });
  const options = within(list).getAllByRole("option");
  expect(options[0]?.getAttribute("aria-selected")).toBe("true");
  expect(box().getAttribute("aria-activedescendant")).toBe(options[0]?.id);
  await user.type(box(), "{ArrowDown}");
  expect(within(list).getByRole("option", { selected: true })).toBe(options[1]);
  await user.type(box(), "{Escape}");
  expect(screen.queryByRole("listbox")).toBeNull();
});

test("a command that lacks something says what, and is not sent", async () => {
  const { t, calls } = await play(stories, stories.Notice);
  expect(screen.getByRole("alert").textContent).toBe(t("command.usage", { usage: "/invite …" }));
  expect(calls.of("composing.invite")).toEqual([]);
});

test("a message is sent without a sound", async () => {
  const { t, user, calls } = await play(stories, stories.SendOptions);
  await user.click(screen.getByRole("menuitem", { name: t("composer.silent") }));
  expect(calls.of("sending.text")[0]?.[2]).toMatchObject({ style: "notice" });
});

test("a message is handed to the server for later", async () => {
  const { t, user, calls } = await play(stories, stories.Later);
  await user.click(screen.getByRole("button", { name: t("later.tomorrow") }));
  await user.click(screen.getByRole("button", { name: t("later.send") }));
  await settled();
  expect(calls.of("composing.sendLater")[0]?.[1]).toBeGreaterThan(0);
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("in an encrypted conversation later is not offered, and why", async () => {
  const { t } = await play(stories, stories.LaterEncrypted);
  screen.getByText(t("later.encrypted"));
  expect(screen.queryByRole("button", { name: t("later.send") })).toBeNull();
});

test("what waits on the server is called off", async () => {
  const { t, user, calls } = await play(stories, stories.ScheduledList);
  await user.click(screen.getByRole("button", { name: t("later.cancel", { text: "Happy birthday!" }) }));
  expect(calls.of("composing.cancelScheduled")).toEqual([["a"]]);
});

test("in slow mode it says how long, and nothing goes out", async () => {
  const { t, user, calls } = await play(stories, stories.SlowMode);
  screen.getByRole("timer", { name: t("slow.title") });
  await user.type(box(), "again{Enter}");
  expect(calls.of("sending.text")).toEqual([]);
  expect(box().value).toBe("again");
});

test("who may not write is told so", async () => {
  const { t } = await play(stories, stories.Closed);
  screen.getByText(t("composer.cannotSend"));
  expect(screen.queryByRole("textbox")).toBeNull();
});

test("a sticker goes out by itself", async () => {
  const { user, calls } = await play(stories, stories.Stickers);
  await user.click((await screen.findAllByRole("button", { name: "Tea" }))[0] as HTMLElement);
  expect(calls.of("sending.sticker")[0]).toMatchObject([{ code: "tea" }]);
});

test("a kept GIF goes out by itself, with the address that it has", async () => {
  const { user, calls } = await play(stories, stories.Gifs);
  await user.click(await screen.findByRole("button", { name: "Applause" }));
  expect(calls.of("sending.send")).toEqual([
    [
      "m.room.message",
      expect.objectContaining({ msgtype: "m.image", body: "Applause", url: "mxc://gallery/applause" }),
    ],
  ]);
  expect(calls.of("gifs.used")).toHaveLength(1);
  expect(screen.queryByRole("tab")).toBeNull();
});

test("formats are buttons of a toolbar", async () => {
  const { t, user, calls } = await play(stories, stories.Formats);
  const bar = screen.getByRole("toolbar", { name: t("composer.format") });
  await user.click(within(bar).getByRole("button", { name: t("composer.format.bold") }));
  expect(calls.of("format")).toEqual([["bold"]]);
});
