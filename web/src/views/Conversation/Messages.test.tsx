import { cleanup, fireEvent, screen, within } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { play, settled, testStories, withMotion } from "../../gallery/testing.tsx";
import { encryptionDialog } from "../../viewmodels/encryption.ts";
import { shownPerson } from "../../viewmodels/person.ts";
import * as stories from "./Messages.stories.tsx";

testStories(stories);

const messages = () => screen.getAllByRole("article");
const last = () => messages().at(-1) as HTMLElement;

test("a message says who has written it, when, and what", async () => {
  await play(stories, stories.Ordinary);
  expect(messages()[0]?.getAttribute("aria-label")).toMatch(/Ben Okafor.*Who has the key to the shed\?/);
});

test("Tab reaches one message, arrows the others, and Enter its menu", async () => {
  const { t, user } = await play(stories, stories.Ordinary);
  expect(messages().filter(({ tabIndex }) => tabIndex === 0)).toEqual([last()]);
  last().focus();
  await user.keyboard("{ArrowUp}");
  expect(document.activeElement).toBe(messages().at(-2));
  await user.keyboard("{Enter}");
  await settled();
  screen.getByRole("menu", { name: t("message.actions") });
});

test("a reaction is given and taken back by a press", async () => {
  const { user, calls } = await play(stories, stories.Ordinary);
  await user.click(screen.getByRole("button", { name: /👍/ }));
  expect(calls.of("sending.react")[0]?.[1]).toBe("👍");
  await user.click(screen.getByRole("button", { name: /🌱/ }));
  expect(calls.of("sending.redact")).toEqual([["$mine-🌱"]]);
});

test("a quote leads to what it quotes", async () => {
  const { user, calls } = await play(stories, stories.Ordinary);
  const quote = document.querySelector<HTMLElement>(".quote");
  expect(quote?.textContent).toContain("Who has the key to the shed?");
  await user.click(quote as HTMLElement);
  await settled();
  expect(calls.of("timeline.show")).toHaveLength(1);
});

test("a sender's name opens their card", async () => {
  const { user } = await play(stories, stories.Ordinary);
  await user.click(screen.getAllByRole("button", { name: "Ben Okafor" })[0] as HTMLElement);
  expect(shownPerson.get()?.userId).toBe("@ben:example.org");
});

test("a picture is opened, a file is saved, a spoiler waits", async () => {
  const { t, user, calls } = await play(stories, stories.Media);
  await user.click(screen.getByRole("button", { name: t("message.openPicture", { name: "lake.jpg" }) }));
  expect(calls.of("picture")).toHaveLength(1);
  await user.click(screen.getByRole("button", { name: `${t("action.download")}: seeds.csv` }));
  expect(calls.of("media.save")).toEqual([["mxc://gallery/seeds.csv", "seeds.csv"]]);
  screen.getByText(t("message.imageFailed"));
});

test("what arrives and is no picture is saved in place of being opened", async () => {
  const { t, user, calls } = await play(stories, stories.Media);
  fireEvent.error(screen.getByAltText("lake.jpg"));
  const save = screen.getByRole("button", {
    name: `${t("message.imageBroken")}. ${t("action.download")}: lake.jpg`,
  });
  expect(screen.queryByAltText("lake.jpg")).toBeNull();
  expect(save.querySelector(".film__play")).toBeNull();
  await user.click(save);
  expect(calls.of("media.save")).toEqual([["mxc://gallery/lake", "lake.jpg"]]);
  expect(calls.of("picture")).toEqual([]);
});

test("pictures that belong together are one message", async () => {
  const { t } = await play(stories, stories.Albums);
  expect(messages()).toHaveLength(2);
  expect(within(last()).getByRole("group", { name: t.count("album.label", 5) }).children.length).toBeGreaterThanOrEqual(
    5,
  );
});

test("why a message cannot be read is said, and what helps is offered", async () => {
  const { t, user } = await play(stories, stories.Unverified);
  screen.getByText(t("undecrypted.history-lost"), { exact: false });
  await user.click(screen.getAllByRole("button", { name: t("verify.action") })[0] as HTMLElement);
  expect(encryptionDialog.get()).toEqual({ kind: "verify" });
});

test("doubts about a message are part of its name", async () => {
  const { t } = await play(stories, stories.Doubtful);
  expect(messages()[0]?.getAttribute("aria-label")).toContain(t("shield.unverified-session"));
});

test("what was refused says why, and is tried again or given up", async () => {
  const { t, user, calls } = await play(stories, stories.Outgoing);
  const [refused] = screen.getAllByRole("alert");
  expect(refused?.textContent).toContain(t("problem.forbidden"));
  await user.click(within(refused as HTMLElement).getByRole("button", { name: t("action.retry") }));
  await user.click(within(refused as HTMLElement).getByRole("button", { name: t("action.discard") }));
  expect(calls.of("sending.retry")).toHaveLength(1);
  expect(calls.of("sending.discard")).toEqual(calls.of("sending.retry"));
});

test("older messages that could not be loaded are asked for again", async () => {
  const { t, user, calls } = await play(stories, stories.NotLoaded);
  const before = calls.of("timeline.loadOlder").length;
  await user.click(within(screen.getByRole("alert")).getByRole("button", { name: t("action.retry") }));
  expect(calls.of("timeline.loadOlder").length).toBe(before + 1);
});

test("the line of what is new stands above it", async () => {
  const { t } = await play(stories, stories.Unread);
  const line = screen.getByText(t("timeline.unread"));
  expect(line.compareDocumentPosition(last())).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
});

test("a message of one's own is deleted with a reason, after a question", async () => {
  const { t, user, calls } = await play(stories, stories.Deleting);
  const dialog = within(screen.getByRole("dialog"));
  await user.type(dialog.getByRole("textbox"), "a slip");
  await user.click(dialog.getByRole("button", { name: t("action.delete") }));
  expect(calls.of("messages.delete")[0]?.[1]).toBe("a slip");
});

test("a report wants words", async () => {
  const { t, user, calls } = await play(stories, stories.Reporting);
  const dialog = within(screen.getByRole("dialog"));
  const send = dialog.getByRole("button", { name: t("action.report") });
  expect(send.hasAttribute("disabled")).toBe(true);
  await user.type(dialog.getByRole("textbox"), "rude");
  await user.click(send);
  expect(calls.of("messages.report")[0]?.[1]).toBe("rude");
});

test("a message is forwarded to several conversations", async () => {
  const { t, user, calls } = await play(stories, stories.Forwarding);
  const dialog = within(screen.getByRole("dialog"));
  for (const name of ["Landlord", "Announcements"])
    await user.click(dialog.getByRole("button", { name, pressed: false }));
  await user.click(dialog.getByRole("button", { name: t.count("forward.send", 2) }));
  expect(calls.of("messages.forward").map(([, room]) => room)).toEqual(["!marked:example.org", "!muted:example.org"]);
});

test("words are copied from the menu", async () => {
  const { t, user } = await play(stories, stories.Menu);
  const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  await user.click(screen.getByRole("menuitem", { name: t("action.copy") }));
  expect(write).toHaveBeenCalledWith("They look wonderful!");
  write.mockRestore();
});

test("a GIF moves in its message, and only in the viewer for those who want less motion", async () => {
  const mxc = "mxc://gallery/new-dance";
  const { t, calls } = await play(stories, stories.Gif);
  const picture = () => screen.getByRole("button", { name: t("message.openPicture", { name: "new-dance.gif" }) });
  expect(calls.of("media.thumbnailKey")).toContainEqual([mxc, expect.anything()]);
  expect(calls.of("media.downloadKey")).not.toContainEqual([mxc]);
  expect(picture().querySelector("svg")).not.toBeNull();
  cleanup();
  withMotion();
  const moving = await play(stories, stories.Gif);
  expect(moving.calls.of("media.downloadKey")).toContainEqual([mxc]);
  expect(picture().querySelector("svg")).toBeNull();
});

test("a GIF is kept from the menu of its message", async () => {
  const { t, user, calls } = await play(stories, stories.MenuOfGif);
  await user.click(screen.getByRole("menuitem", { name: t("gifs.save") }));
  expect(calls.of("gifs.save")).toEqual([
    [expect.objectContaining({ mxc: "mxc://gallery/new-dance", name: "new-dance.gif" })],
  ]);
});

test("a kept GIF is given up from the menu of its message", async () => {
  const { t, user, calls } = await play(stories, stories.MenuOfKeptGif);
  expect(screen.queryByRole("menuitem", { name: t("gifs.save") })).toBeNull();
  await user.click(screen.getByRole("menuitem", { name: t("gifs.unsave") }));
  expect(calls.of("gifs.remove")).toEqual([["mxc://gallery/applause"]]);
});

test("a GIF of an encrypted conversation is not offered to be kept", async () => {
  const { t } = await play(stories, stories.MenuOfGifEncrypted);
  screen.getByRole("menuitem", { name: t("action.forward") });
  expect(screen.queryByRole("menuitem", { name: t("gifs.save") })).toBeNull();
});

test("who has read a message, and who has not", async () => {
  const { t } = await play(stories, stories.Readers);
  screen.getByRole("heading", { name: t.count("info.readBy", 2) });
  screen.getByRole("heading", { name: t.count("info.unreadBy", 2) });
});

test("the versions of a message stand in their order", async () => {
  await play(stories, stories.Versions);
  const versions = within(screen.getByRole("tabpanel")).getAllByRole("listitem");
  expect(versions.map(({ textContent }) => textContent)).toEqual([
    expect.stringContaining("wonderfull"),
    expect.stringContaining("wonderful!"),
  ]);
});

test("a thread is opened from its root", async () => {
  const { t, user } = await play(stories, stories.Threads);
  await user.click(screen.getByRole("button", { name: new RegExp(t.count("thread.replies", 14)) }));
  expect(shownPerson.get()).toBeUndefined();
});
