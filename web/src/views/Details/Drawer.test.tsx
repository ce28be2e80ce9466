import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { cast } from "../../gallery/fakes/people.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import { shownPerson } from "../../viewmodels/person.ts";
import * as stories from "./Drawer.stories.tsx";

testStories(stories);

test("switches act on the conversation", async () => {
  const { t, user, calls } = await play(stories, stories.Group);
  await user.click(screen.getByRole("switch", { name: new RegExp(`^${t("details.mute")}`) }));
  const pinned = screen.getByRole<HTMLInputElement>("switch", { name: t("details.pin") });
  expect(pinned.checked).toBe(true);
  await user.click(pinned);
  expect(calls.of("room.setMuted")).toEqual([[true]]);
  expect(calls.of("room.setPinned")).toEqual([[false]]);
});

test("its places lead on, with what waits there", async () => {
  const { t, user, calls } = await play(stories, stories.Group);
  const places = within(screen.getByRole("navigation", { name: t("details.places") }));
  await user.click(places.getByRole("button", { name: new RegExp(`^${t("requests.title")}.*1`) }));
  await user.click(places.getByRole("button", { name: t("pins.title") }));
  expect(calls.of("view")).toEqual([[{ kind: "requests" }], [{ kind: "pins" }]]);
});

test("who may change nothing is offered nothing", async () => {
  const { t } = await play(stories, stories.Member);
  expect(screen.queryByRole("button", { name: t("details.edit") })).toBeNull();
  expect(screen.queryByRole("button", { name: t("details.invite.title") })).toBeNull();
  expect(screen.queryByRole("button", { name: t("banned.title") })).toBeNull();
});

test("name and topic are changed as far as they were changed", async () => {
  const { t, user, calls } = await play(stories, stories.Editing);
  await user.type(screen.getByLabelText(t("details.name")), " 2");
  await user.click(screen.getByRole("button", { name: t("action.save") }));
  expect(calls.of("room.setName")).toEqual([["Garden committee 2"]]);
  expect(calls.of("room.setTopic")).toEqual([]);
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("people are invited, those who are there already not", async () => {
  const { t, user, calls, say } = await play(stories, stories.Inviting);
  const { ana, emre } = cast(say);
  const dialog = within(screen.getByRole("dialog"));
  expect(dialog.queryByRole("button", { name: new RegExp(ana.name) })).toBeNull();
  await user.click(dialog.getByRole("button", { name: new RegExp(emre.name) }));
  await user.click(dialog.getByRole("button", { name: t("action.invite") }));
  expect(calls.of("room.invite")).toEqual([[emre.id]]);
});

test("a member's row opens their card", async () => {
  const { user, say } = await play(stories, stories.Group);
  const { ben } = cast(say);
  await user.click(screen.getByRole("button", { name: new RegExp(`^${ben.name}`) }));
  expect(shownPerson.get()).toEqual({ userId: ben.id, roomId: "!garden:example.org" });
});

test("a member gets a role from the menu of their row", async () => {
  const { t, user, calls } = await play(stories, stories.MemberActions);
  await user.click(screen.getByRole("menuitem", { name: t("member.makeModerator") }));
  expect(calls.of("administration.setRole")).toEqual([["@clara:example.org", "moderator"]]);
});

test("banning asks for a reason", async () => {
  const { t, user, calls } = await play(stories, stories.Removing);
  const dialog = within(await screen.findByRole("dialog"));
  await user.type(dialog.getByRole("textbox"), "spam");
  await user.click(dialog.getByRole("button", { name: t("member.ban") }));
  expect(calls.of("administration.ban")).toEqual([["@clara:example.org", "spam"]]);
});

test("rules are chosen from lists with names", async () => {
  const { t, user, calls } = await play(stories, stories.Rules);
  await user.selectOptions(screen.getByRole("combobox", { name: t("rules.admission") }), "knock");
  await user.selectOptions(screen.getByRole("combobox", { name: t("slow.title") }), "0");
  expect(calls.of("administration.setAdmission")).toEqual([["knock", "!house:example.org"]]);
  expect(calls.of("administration.setSlowMode")).toEqual([[0]]);
});

test("who may only read the rules can change none", async () => {
  await play(stories, stories.RulesToRead);
  for (const choice of screen.getAllByRole("combobox")) expect(choice.hasAttribute("disabled")).toBe(true);
});

test("guests are let in, and kept out", async () => {
  const { t, user, calls } = await play(stories, stories.Advanced);
  await user.selectOptions(screen.getByRole("combobox", { name: t("rules.guests") }), t("rules.guests.invited"));
  expect(calls.of("administration.setGuests")).toEqual([[true]]);
});

test("servers are named one a line, and saved together", async () => {
  const { t, user, calls } = await play(stories, stories.Advanced);
  expect(screen.queryByRole("button", { name: t("action.save") })).toBeNull();
  const deny = screen.getByRole("textbox", { name: t("rules.servers.deny") });
  await user.type(deny, "evil.example{Enter}*.bad.example");
  await user.click(screen.getByRole("switch", { name: new RegExp(t("rules.servers.addresses")) }));
  expect(calls.of("administration.setServers")).toEqual([]);
  await user.click(screen.getByRole("button", { name: t("action.save") }));
  const denied = { allow: ["*"], deny: ["evil.example", "*.bad.example"], addresses: false };
  expect(calls.of("administration.setServers")).toEqual([[denied]]);
});

test("whoever names the servers begins with their own, and cannot shut it out", async () => {
  const { t, user, calls } = await play(stories, stories.Advanced);
  const save = () => screen.getByRole("button", { name: t("action.save") }) as HTMLButtonElement;
  await user.selectOptions(screen.getByRole("combobox", { name: t("rules.servers") }), t("rules.servers.only"));
  const allow = screen.getByRole("textbox", { name: t("rules.servers.allow") });
  expect(allow).toHaveProperty("value", "example.org");
  await user.clear(allow);
  screen.getByText(t("rules.servers.own", { server: "example.org" }));
  expect(save().disabled).toBe(true);
  await user.type(allow, "example.org:8448");
  expect(allow).toHaveProperty("ariaInvalid", "true");
  screen.getByRole("textbox", { description: t("rules.servers.wrong.port", { name: "example.org:8448" }) });
  expect(save().disabled).toBe(true);
  await user.clear(allow);
  await user.type(allow, "*.ORG");
  await user.click(save());
  expect(calls.of("administration.setServers")).toEqual([[{ allow: ["*.ORG"], deny: [], addresses: true }]]);
});

test("what is being changed about servers is given up", async () => {
  const { t, user } = await play(stories, stories.AdvancedWrong);
  screen.getByRole("textbox", { description: t("rules.servers.own", { server: "example.org" }) });
  await user.click(screen.getByRole("button", { name: t("action.cancel") }));
  expect(screen.getByRole("textbox", { name: t("rules.servers.deny") })).toHaveProperty("value", "evil.example");
  expect(screen.queryByText(t("rules.servers.own", { server: "example.org" }))).toBeNull();
});

test("who may change nothing reads which servers take part", async () => {
  const { t, user, calls } = await play(stories, stories.AdvancedToRead);
  const allow = screen.getByRole("textbox", { name: t("rules.servers.allow") });
  await user.type(allow, "x");
  expect(allow).toHaveProperty("value", "example.org\n*.example.org");
  expect(screen.queryByRole("button", { name: t("action.save") })).toBeNull();
  expect(calls.of("administration.setServers")).toEqual([]);
});

test("an address is added without its server", async () => {
  const { t, user, calls } = await play(stories, stories.Rules);
  await user.type(screen.getByLabelText(t("rules.address.new")), "#trees:example.org{Enter}");
  expect(calls.of("administration.addAlias")).toEqual([["trees"]]);
});

test("who asks to be let in is let in", async () => {
  const { t, user, calls, say } = await play(stories, stories.Requests);
  const { dmitri } = cast(say);
  await user.click(screen.getByRole("button", { name: t("requests.accept", { name: dmitri.name }) }));
  expect(calls.of("administration.admit")).toEqual([[dmitri.id]]);
});

test("a ban is lifted", async () => {
  const { t, user, calls, say } = await play(stories, stories.Banned);
  const { emre } = cast(say);
  await user.click(screen.getByRole("button", { name: t("banned.lift", { name: emre.name }) }));
  expect(calls.of("administration.unban")).toEqual([[emre.id]]);
});

test("what is shared has tabs that arrows move through", async () => {
  const { t, user } = await play(stories, stories.SharedMedia);
  screen.getByRole("button", { name: t("message.openPicture", { name: "lake.jpg" }) });
  screen.getByRole("tab", { name: t("shared.media"), selected: true }).focus();
  await user.keyboard("{ArrowRight}");
  screen.getByRole("tab", { name: t("shared.files"), selected: true });
});

test("says what is not there", async () => {
  const { t } = await play(stories, stories.NothingShared);
  screen.getByText(t("shared.none.media"));
});

test("a failed page is asked for again", async () => {
  const { t, user, calls } = await play(stories, stories.SharedOffline);
  expect(screen.getByRole("alert").textContent).toBe(t("problem.offline"));
  const before = calls.of("history.shared").length;
  await user.click(screen.getByRole("button", { name: t("action.retry") }));
  expect(calls.of("history.shared").length).toBe(before + 1);
});

test("a pin is taken off, or leads to its message", async () => {
  const { t, user, calls } = await play(stories, stories.Pins);
  await user.click(screen.getAllByRole("button", { name: t("action.unpin") })[0] as HTMLElement);
  expect(calls.of("pins.set")[0]?.[1]).toBe(false);
  await user.click(screen.getByRole("button", { name: /They look wonderful/ }));
  await settled();
  expect(calls.of("timeline.show")).toHaveLength(1);
});

test("what was found in the conversation is marked", async () => {
  const { t } = await play(stories, stories.Found);
  const list = await screen.findByRole("list", { name: t("roomSearch.results") });
  expect(list.querySelector("mark")?.textContent).toBe("ladder");
});
