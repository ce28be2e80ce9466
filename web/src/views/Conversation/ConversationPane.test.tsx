import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { play, settled, testStories } from "../../gallery/testing.tsx";
import * as stories from "./ConversationPane.stories.tsx";

testStories(stories);

const ID = "!elsewhere:example.org";

test("an invitation says who invites, and is accepted", async () => {
  const { t, user, calls } = await play(stories, stories.Invitation);
  screen.getByRole("heading", { name: t("invite.group", { name: "Clara Lindström", group: "Choir" }) });
  await user.click(screen.getByRole("button", { name: t("action.accept") }));
  expect(calls.of("directory.join")).toEqual([[ID, undefined]]);
});

test("an invitation says what was written with it", async () => {
  await play(stories, stories.ToTalk);
  screen.getByText("We met at the bakery. I have the recipe that you asked for.");
});

test("a declined invitation leads back to the list", async () => {
  const { t, user, calls } = await play(stories, stories.ToTalk);
  router.go({ name: "room", roomId: ID });
  await user.click(screen.getByRole("button", { name: t("action.decline") }));
  expect(calls.of("directory.decline")).toEqual([[ID]]);
  expect(router.route.get()).toEqual({ name: "chats" });
});

test("a request to join is taken back", async () => {
  const { t, user, calls } = await play(stories, stories.Asked);
  await user.click(screen.getByRole("button", { name: t("knock.cancel") }));
  expect(calls.of("directory.decline")).toEqual([[ID]]);
});

test("without a connection it says that the conversation is not here", async () => {
  const { t } = await play(stories, stories.Away);
  screen.getByRole("heading", { name: t("conversation.away.title") });
});

test("a public group is seen before it is joined", async () => {
  const { t, user, calls } = await play(stories, stories.Readable);
  screen.getByRole("region", { name: t("join.said") });
  await user.click(screen.getByRole("button", { name: t("action.join") }));
  await settled();
  expect(calls.of("directory.join")).toEqual([[ID]]);
  expect(router.route.get()).toEqual({ name: "room", roomId: ID });
});

test("one asks to be let in, with a few words", async () => {
  const { t, user, calls } = await play(stories, stories.OnRequest);
  await user.type(screen.getByLabelText(t("knock.reason")), "I sing alto");
  await user.click(screen.getByRole("button", { name: t("knock.send") }));
  await settled();
  expect(calls.of("directory.knock")).toEqual([[ID, "I sing alto"]]);
  screen.getByRole("heading", { name: t("knock.sent.title") });
});

test("where only an invitation helps, nothing else is offered", async () => {
  const { t } = await play(stories, stories.ByInvitation);
  screen.getByRole("heading", { name: t("join.invite.title", { name: "Choir" }) });
  expect(screen.queryByRole("button", { name: t("action.join") })).toBeNull();
});
