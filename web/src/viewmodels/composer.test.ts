// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import type { Member } from "../matrix/types.ts";
import { ComposerModel } from "./composer.ts";
import type { ComposerMode, ConversationModel } from "./conversation.ts";
import { clearDrafts } from "./drafts.ts";

const member = (id: string, name: string): Member => ({ id, name, role: "member", membership: "join" });

function scene(members: Member[]) {
  const composing = {
    mayMentionEveryone: () => true,
    draft: () => undefined,
    watchDraft: () => () => undefined,
    keepDraft: vi.fn(async () => undefined),
    ban: vi.fn(async () => undefined),
  };
  const room = {
    composing,
    members: new Observable<readonly Member[]>(members),
    loadMembers: vi.fn(async () => undefined),
    details: new Observable({ can: { remove: true } }),
  };
  const conversation = {
    roomId: "!r:example.org",
    draftKey: "!r:example.org",
    room,
    mode: new Observable<ComposerMode>({ kind: "new" }),
    send: vi.fn(),
    typed: vi.fn(),
    pauseLeft: vi.fn(() => 0),
  };
  const account = {
    userId: "@me:example.org",
    conversations: { list: new Observable([]) },
    room: () => undefined,
  };
  const model = new ComposerModel(conversation as unknown as ConversationModel, account as unknown as Account);
  return { model, conversation, composing, room };
}

beforeEach(clearDrafts);

/** Writes a text, chooses the first suggestion, and answers with what the text becomes. */
function complete(model: ComposerModel, text: string): string {
  model.caretAt(text, text.length);
  const suggestion = model.completion.get()?.suggestions[0];
  const replacement = suggestion && model.choose(suggestion);
  if (replacement === undefined) return text;
  return text.slice(0, replacement.start) + replacement.text + text.slice(replacement.end);
}

test("of two people with one name, each can be meant", () => {
  const { model, conversation } = scene([member("@ana1:x.org", "Ana"), member("@ana2:x.org", "Ana")]);
  model.caretAt("@an", 3);
  const [first, second] = model.completion.get()?.suggestions ?? [];
  expect(first && model.choose(first)).toMatchObject({ text: "@Ana " });
  model.caretAt("@Ana @an", 8);
  expect(second && model.choose(second)).toMatchObject({ text: "@ana2:x.org " });
  model.send("@Ana @ana2:x.org hi");
  expect(conversation.send.mock.lastCall?.[1].mentions).toEqual([
    { label: "@Ana", id: "@ana1:x.org" },
    { label: "@ana2:x.org", id: "@ana2:x.org" },
  ]);
});

test("a name that is written out is meant, unless two have it", () => {
  const { model, conversation } = scene([
    member("@bo:x.org", "Bo Li"),
    member("@c:x.org", "Cy"),
    member("@d:x.org", "Cy"),
  ]);
  model.send("@Bo Li and @Cy, in #tea:x.org");
  expect(conversation.send.mock.lastCall?.[1].mentions).toEqual([
    { label: "@Bo Li", id: "@bo:x.org" },
    { label: "#tea:x.org", id: "#tea:x.org" },
  ]);
});

test("everyone is offered where it is allowed, and told", () => {
  const { model, conversation } = scene([member("@a:x", "A"), member("@b:x", "B"), member("@c:x", "C")]);
  expect(complete(model, "@roo")).toBe("@room ");
  model.send("@room hi");
  expect(conversation.send.mock.lastCall?.[1].everyone).toBe(true);
});

test("commands are done, or told what they lack", async () => {
  const { model, conversation, composing } = scene([]);
  expect(model.send("/ban @eve:x.org spam")).toBe(true);
  expect(composing.ban).toHaveBeenCalledWith("@eve:x.org", "spam");
  expect(model.send("/ban eve")).toBe(false);
  expect(model.notice.get()?.key).toBe("command.usage");
  expect(model.send("/dance")).toBe(false);
  expect(model.notice.get()).toEqual({ key: "command.unknown", params: { name: "/dance" } });
  model.typed("x");
  expect(model.notice.get()).toBeUndefined();
  expect(conversation.send).not.toHaveBeenCalled();
  expect(model.send("/me waves")).toBe(true);
  expect(conversation.send).toHaveBeenCalledWith("waves", expect.objectContaining({ style: "emote" }));
});

test("suggestions that were put away stay away for this word", () => {
  const { model } = scene([member("@a:x", "Ana")]);
  model.caretAt("@a", 2);
  model.dismiss();
  model.caretAt("@an", 3);
  expect(model.completion.get()).toBeUndefined();
  model.caretAt("@an @a", 6);
  expect(model.completion.get()?.suggestions).toHaveLength(1);
});

test("slow mode holds messages back, not what does something else", () => {
  const { model, conversation, composing } = scene([]);
  conversation.pauseLeft.mockReturnValue(5_000);
  expect(model.send("hello")).toBe(false);
  expect(conversation.send).not.toHaveBeenCalled();
  expect(model.send("/ban @ana:example.org")).toBe(true);
  expect(composing.ban).toHaveBeenCalled();
});

test("who is known later is suggested while the word is still there", () => {
  const { model, room } = scene([]);
  model.caretAt("@an", 3);
  expect(model.completion.get()).toBeUndefined();
  room.members.set([member("@ana:x.org", "Ana")]);
  expect(model.completion.get()?.suggestions).toMatchObject([{ kind: "person", name: "Ana" }]);
  model.caretAt("@an is here", 11);
  room.members.set([member("@anna:x.org", "Anna")]);
  expect(model.completion.get()).toBeUndefined();
});
