import { expect, test } from "vitest";
import { countVotes, endContent, pollContent, readPoll, readResponse, responseContent } from "./polls.ts";

const stable = {
  "m.text": [{ body: "fallback" }],
  "m.poll": {
    kind: "m.disclosed",
    max_selections: 2,
    question: { "m.text": [{ body: "Tea or coffee?" }] },
    answers: [
      { "m.id": "tea", "m.text": [{ body: "Tea" }] },
      { "m.id": "coffee", "m.text": [{ body: "Coffee" }] },
    ],
  },
};

test("both forms are read alike", () => {
  const answers = [
    { id: "tea", text: "Tea" },
    { id: "coffee", text: "Coffee" },
  ];
  expect(readPoll(stable)).toEqual({ question: "Tea or coffee?", answers, max: 2, disclosed: true, stable: true });
  const made = readPoll(pollContent("Tea or coffee?", ["Tea", "Coffee"], 1, false));
  expect(made).toEqual({
    question: "Tea or coffee?",
    answers: [
      { id: "answer-1", text: "Tea" },
      { id: "answer-2", text: "Coffee" },
    ],
    max: 1,
    disclosed: false,
    stable: false,
  });
});

test.each([
  [{}],
  [{ "m.poll": 7 }],
  [{ "m.poll": { question: {}, answers: [] } }],
  [{ "m.poll": { question: { "m.text": [{ body: "?" }] }, answers: [{ "m.id": 1 }] } }],
])("%j is no poll", (content) => {
  expect(readPoll(content)).toBeUndefined();
});

test("a poll has at most twenty answers, and no more can be chosen than there are", () => {
  const many = Array.from({ length: 30 }, (_, index) => `${index}`);
  expect(readPoll(pollContent("?", many, 99, true))).toMatchObject({ max: 20 });
});

test("votes go out in the form of their poll and are read back", () => {
  const poll = readPoll(stable);
  if (poll === undefined) throw new Error("not a poll");
  for (const form of [poll, { ...poll, stable: false }]) {
    expect(readResponse(responseContent(form, "$p", ["tea"]).content)).toEqual(["tea"]);
    expect(endContent(form, "$p", "Closed").type).toMatch(/poll\.end$/);
  }
});

test("the last valid vote of each person before the end counts", () => {
  const poll = readPoll(stable);
  if (poll === undefined) throw new Error("not a poll");
  const vote = (sender: string, timestamp: number, ...answers: string[]) => ({ sender, timestamp, answers });
  const votes = countVotes(
    poll,
    [
      vote("ana", 2, "coffee"),
      vote("ana", 1, "tea"),
      vote("bo", 1, "tea", "coffee", "tea"),
      vote("cy", 1, "milk"),
      vote("dee", 1, "tea"),
      vote("dee", 2),
      vote("eve", 11, "tea"),
    ],
    10,
  );
  expect(Object.fromEntries(votes)).toEqual({ ana: ["coffee"], bo: ["tea", "coffee"] });
});
