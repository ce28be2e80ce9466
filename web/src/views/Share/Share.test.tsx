import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { router } from "../../base/router.ts";
import { GROUP } from "../../gallery/fakes/conversations.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import { drafts } from "../../viewmodels/drafts.ts";
import { takePendingFiles } from "../../viewmodels/shared.ts";
import * as stories from "./Share.stories.tsx";

testStories(stories);

test("words become a draft of the chosen conversation: nothing is sent from here", async () => {
  const { user, say } = await play(stories, stories.Words);
  await user.click(screen.getByRole("button", { name: say("Garden committee", "花园小组") }));
  expect(drafts.get()[GROUP]).toContain("https://example.org/spring");
  expect(router.route.get()).toEqual({ name: "room", roomId: GROUP });
});

test("files wait for the chosen conversation", async () => {
  const { user, say } = await play(stories, stories.Files);
  await user.type(screen.getByRole("searchbox"), "garden");
  await user.click(screen.getByRole("button", { name: say("Garden committee", "花园小组") }));
  expect(takePendingFiles(GROUP)).toHaveLength(2);
});

test("only conversations that one is in can be chosen", async () => {
  const { say } = await play(stories, stories.Words);
  expect(screen.queryByRole("button", { name: say("Book club", "读书会") })).toBeNull();
});

test("says that there is nothing", async () => {
  const { t } = await play(stories, stories.Nothing);
  screen.getByText(t("share.nothing"));
});
