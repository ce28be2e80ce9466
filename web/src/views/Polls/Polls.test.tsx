import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { question } from "../../gallery/fakes/talk.ts";
import { play, testStories } from "../../gallery/testing.tsx";
import * as stories from "./Polls.stories.tsx";

testStories(stories);

const answer = (name: string) => screen.getByRole("button", { name: new RegExp(`^${name}`) });

test("who has not voted sees no result, and votes by one press", async () => {
  const { user, calls, say } = await play(stories, stories.Open);
  const group = screen.getByRole("group", { name: question(say).question });
  expect(group.textContent).not.toContain("%");
  await user.click(within(group).getByRole("button", { name: "Never" }));
  expect(calls.of("polls.vote").at(-1)).toEqual(["$poll", question(say), ["never"]]);
});

test("who has voted sees the result, and can take the vote back", async () => {
  const { t, user, calls, say } = await play(stories, stories.Voted);
  expect(answer("On Saturday").getAttribute("aria-pressed")).toBe("true");
  expect(answer("On Saturday").textContent).toContain("60%");
  await user.click(screen.getByRole("button", { name: t("poll.retract") }));
  expect(calls.of("polls.vote").at(-1)).toEqual(["$poll", question(say), []]);
});

test("several answers are sent together", async () => {
  const { t, user, calls } = await play(stories, stories.Several);
  await user.click(answer("On Saturday"));
  await user.click(answer("On Sunday"));
  expect(calls.of("polls.vote")).toEqual([]);
  await user.click(screen.getByRole("button", { name: t("poll.vote") }));
  expect(calls.of("polls.vote").at(-1)?.[2]).toEqual(["sat", "sun"]);
});

test("a hidden poll shows no result before its end", async () => {
  await play(stories, stories.Hidden);
  expect(answer("On Saturday").textContent).not.toContain("%");
});

test("closing asks first, and tells older clients who has won", async () => {
  const { t, user, calls } = await play(stories, stories.Closing);
  await user.click(within(screen.getByRole("dialog")).getByRole("button", { name: t("poll.close") }));
  expect(calls.of("polls.close")[0]?.[2]).toBe(`${t("poll.closed")} On Saturday`);
});

test("a closed poll takes no votes", async () => {
  await play(stories, stories.Closed);
  expect(answer("On Saturday").hasAttribute("disabled")).toBe(true);
});

test("says who has voted for what", async () => {
  const { t } = await play(stories, stories.Voters);
  const dialog = screen.getByRole("dialog");
  within(dialog).getByText("Clara Lindström");
  within(dialog).getByText(t("preview.you"));
});

test("a new poll needs a question and two answers that differ", async () => {
  const { t, user, calls } = await play(stories, stories.New);
  const create = screen.getByRole("button", { name: t("poll.create") });
  await user.type(screen.getByLabelText(t("poll.question")), "Tea or tea?");
  await user.type(screen.getByLabelText(t("poll.answer", { number: 1 })), "Tea");
  await user.type(screen.getByLabelText(t("poll.answer", { number: 2 })), "Tea");
  expect(create.hasAttribute("disabled")).toBe(true);
  await user.type(screen.getByLabelText(t("poll.answer", { number: 2 })), "time{Enter}");
  expect(calls.of("polls.create")).toEqual([["Tea or tea?", ["Tea", "Teatime"], 1, true]]);
  expect(calls.of("close")).toHaveLength(1);
});
