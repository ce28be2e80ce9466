import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import { shownPerson } from "../../viewmodels/person.ts";
import * as stories from "./Person.stories.tsx";

testStories(stories);

test("a card says what they call themselves, and that they are there", async () => {
  const { t } = await play(stories, stories.Contact);
  screen.getByText(t("person.ownName", { name: "Ana Silva" }));
  screen.getByText(t("presence.online"));
  screen.getByText("Watering the plants");
});

test("a star is given and taken", async () => {
  const { t, user, calls } = await play(stories, stories.Contact);
  const star = screen.getByRole("button", { name: t("person.unstar") });
  expect(star.getAttribute("aria-pressed")).toBe("true");
  await user.click(star);
  expect(calls.of("contacts.note")[0]).toMatchObject(["@ana:example.org", { star: undefined }]);
});

test("a stranger is written to with a few words", async () => {
  const { t, user, calls } = await play(stories, stories.Stranger);
  await user.type(screen.getByRole("textbox", { name: t("person.note") }), "Hello from the market{Enter}");
  await settled();
  expect(calls.of("directory.startDirect")).toEqual([["@emre:other.example", "Hello from the market"]]);
  expect(router.route.get()).toMatchObject({ name: "room" });
  expect(shownPerson.get()).toBeUndefined();
});

test("words that only an invitation carries are not lost by adding a contact", async () => {
  const { t, user, calls } = await play(stories, stories.Stranger);
  const box = screen.getByRole("textbox", { name: t("person.note"), description: t("person.note.hint") });
  await user.type(box, "Hello");
  const add = screen.getByRole("button", { name: t("person.add") });
  expect(add.hasAttribute("disabled")).toBe(true);
  await user.clear(box);
  await user.click(add);
  await settled();
  expect(calls.of("contacts.add")).toHaveLength(1);
});

test("a note is saved only once it is another one", async () => {
  const { t, user, calls } = await play(stories, stories.Contact);
  expect(screen.queryByRole("button", { name: t("action.save") })).toBeNull();
  await user.type(screen.getByLabelText(t("person.tags")), ", Choir");
  await user.click(screen.getByRole("button", { name: t("action.save") }));
  expect(calls.of("contacts.note")[0]).toMatchObject(["@ana:example.org", { tags: ["Neighbours", "Choir"] }]);
});

test("who is blocked cannot be written to, and can be unblocked", async () => {
  const { t, user, calls } = await play(stories, stories.Blocked);
  expect(screen.getByRole("button", { name: t("action.message") }).hasAttribute("disabled")).toBe(true);
  await user.click(screen.getByRole("button", { name: t("person.unblock") }));
  expect(calls.of("persons.unblock")).toEqual([["@emre:other.example"]]);
});

test("blocking asks first", async () => {
  const { t, user, calls } = await play(stories, stories.Blocking);
  const [confirm] = screen.getAllByRole("dialog", { name: t("person.block.title", { name: "Ana Silva" }) });
  expect(calls.of("persons.block")).toEqual([]);
  await user.click(within(confirm as HTMLElement).getByRole("button", { name: t("person.block") }));
  expect(calls.of("persons.block")).toEqual([["@ana:example.org"]]);
});

test("a report wants words", async () => {
  const { t, user, calls } = await play(stories, stories.Reporting);
  const send = screen.getByRole("button", { name: t("person.report.send") });
  expect(send.hasAttribute("disabled")).toBe(true);
  await user.type(screen.getByLabelText(t("person.report.reason")), "spam");
  await user.click(send);
  expect(calls.of("persons.report")).toEqual([["@ana:example.org", "spam"]]);
});

test("groups in common that cannot be had say why, the rest stays", async () => {
  const { t } = await play(stories, stories.Offline);
  screen.getByText(t("problem.offline"));
  screen.getByRole("button", { name: t("action.message") });
});

test("an account that the server does not know says so", async () => {
  const { t } = await play(stories, stories.Missing);
  screen.getByText(t("person.missing"));
});

test("one's own card leads to the profile", async () => {
  const { t, user } = await play(stories, stories.Me);
  await user.click(screen.getByRole("link", { name: t("person.editOwn") }));
  expect(router.route.get()).toEqual({ name: "settings", section: "profile" });
});

test("a card in a session without the key says why nothing is noted", async () => {
  const { t } = await play(stories, stories.Locked);
  screen.getByText(t("people.locked"));
  expect((screen.getByLabelText(t("person.remark")) as HTMLInputElement).disabled).toBe(false);
});
