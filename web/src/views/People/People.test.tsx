import { cleanup, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { cast } from "../../gallery/fakes/people.ts";
import { onPhone, play, settled, testStories } from "../../gallery/testing.tsx";
import { closeEncryption, encryptionDialog } from "../../viewmodels/encryption.ts";
import { shownPerson } from "../../viewmodels/person.ts";
import * as stories from "./People.stories.tsx";

testStories(stories);

test("contacts stand under their letters, by the names that one has given them", async () => {
  const { t, say } = await play(stories, stories.Full);
  within(screen.getByRole("region", { name: "B" })).getByText(say("Ben from upstairs", "楼上的小王"));
  within(screen.getByRole("region", { name: t("people.starred") })).getByText("Ana Silva");
  screen.getByRole("navigation", { name: t("people.index") });
});

test("the search has the focus, but not on a phone, where its keyboard would cover the contacts", async () => {
  await play(stories, stories.Full);
  expect(document.activeElement).toBe(screen.getByRole("searchbox"));
  cleanup();
  onPhone();
  await play(stories, stories.Full);
  expect(document.activeElement).not.toBe(screen.getByRole("searchbox"));
});

test("a tag leaves those who have it", async () => {
  const { user, say } = await play(stories, stories.Full);
  const tag = screen.getByRole("button", { name: say("Garden", "花园") });
  await user.click(tag);
  await settled();
  expect(tag.getAttribute("aria-pressed")).toBe("true");
  expect(screen.queryByText(say("Ben from upstairs", "楼上的小王"))).toBeNull();
});

test("a request is accepted, and leads to the chat", async () => {
  const { t, user, calls } = await play(stories, stories.Full);
  const requests = within(screen.getByRole("region", { name: t("requests.received") }));
  requests.getByText(/We met at the market/);
  await user.click(requests.getByRole("button", { name: t("action.accept") }));
  await settled();
  expect(calls.of("directory.join")).toEqual([["!request:example.org", "@emre:other.example"]]);
  expect(router.route.get()).toEqual({ name: "room", roomId: "!request:example.org" });
});

test("who is blocked cannot ask again", async () => {
  const { t, user, calls } = await play(stories, stories.BlockingRequest);
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: t("person.block") }));
  await settled();
  expect(calls.of("persons.block")).toEqual([["@emre:other.example"]]);
  expect(calls.of("directory.decline")).toEqual([["!request:example.org"]]);
});

test("a contact is written to by one press, and looked at by another", async () => {
  const { t, user, calls, say } = await play(stories, stories.Full);
  const { ana } = cast(say);
  const starred = within(screen.getByRole("region", { name: t("people.starred") }));
  await user.click(starred.getByRole("button", { name: t("people.details", { name: ana.name }) }));
  expect(shownPerson.get()?.userId).toBe(ana.id);
  await user.click(starred.getByRole("button", { name: new RegExp(`^${ana.name}`) }));
  expect(calls.of("directory.startDirect")).toEqual([[ana.id]]);
});

test("strangers are found when the server has answered", async () => {
  const { t } = await play(stories, stories.Found);
  await screen.findByRole("heading", { name: t("people.results") });
  screen.getByText("u4f2b9c");
});

test("says that there is no connection", async () => {
  const { t } = await play(stories, stories.Offline);
  await screen.findByText(t("problem.offline"));
});

test("what is no id is marked, and says what one looks like", async () => {
  const { t } = await play(stories, stories.WrongId);
  expect(screen.getByLabelText(t("people.add.field")).getAttribute("aria-invalid")).toBe("true");
  screen.getByText(t("people.add.wrong", { server: "example.org" }));
});

test("a name without its server is one of this server", async () => {
  const { t, user } = await play(stories, stories.Adding);
  await user.type(screen.getByLabelText(t("people.add.field")), "Clara{Enter}");
  expect(shownPerson.get()?.userId).toBe("@clara:example.org");
});

test("somebody is unblocked", async () => {
  const { t, user, calls } = await play(stories, stories.Blocked);
  await user.click(screen.getByRole("button", { name: `${t("person.unblock")}: Emre Yıldız` }));
  expect(calls.of("persons.unblock")).toEqual([["@emre:other.example"]]);
});

test("one's own code is a picture with a name", async () => {
  const { t } = await play(stories, stories.Code);
  screen.getByRole("img", { name: t("people.code.image") });
});

test("a session without the key says why notes are missing, and leads to the key", async () => {
  const { t, user } = await play(stories, stories.Locked);
  const notice = within(screen.getByText(t("people.locked")).closest<HTMLElement>("[role=status]") as HTMLElement);
  await user.click(notice.getByRole("button", { name: t("verify.action") }));
  expect(encryptionDialog.get()).toEqual({ kind: "verify" });
  closeEncryption();
  cleanup();
  await play(stories, stories.LockedWithoutKey);
  await user.click(screen.getByRole("button", { name: t("verify.byKey") }));
  expect(encryptionDialog.get()).toEqual({ kind: "verify" });
  closeEncryption();
  cleanup();
  await play(stories, stories.Full);
  expect(screen.queryByText(t("people.locked.key"))).toBeNull();
});

test("notes in the clear are taken up or discarded by whoever is asked", async () => {
  const { t, user, calls } = await play(stories, stories.Doubtful);
  screen.getByText(t("people.locked.doubtful"));
  expect(screen.queryByRole("button", { name: t("verify.byKey") })).toBeNull();
  await user.click(screen.getByRole("button", { name: t("people.locked.take") }));
  await user.click(screen.getByRole("button", { name: t("people.locked.discard") }));
  expect(calls.of("contacts.decide")).toEqual([[true], [false]]);
});

test("notes of a newer version are not hidden in silence", async () => {
  const { t } = await play(stories, stories.WrittenByNewer);
  const notice = within(
    screen.getByText(t("people.locked.newer")).closest<HTMLElement>("[role=status]") as HTMLElement,
  );
  expect(notice.queryByRole("button")).toBeNull();
});

test("who saves contacts is told that the file has no notes", async () => {
  const { t } = await play(stories, stories.LockedFiles);
  within(screen.getByRole("dialog")).getByText(t("people.locked.key"));
});
