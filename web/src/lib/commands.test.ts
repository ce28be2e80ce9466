import { expect, test } from "vitest";
import { commandsFor, faceOf, parseCommand } from "./commands.ts";
import { formatMarkdown } from "./markdown.ts";

test("what begins with a slash is a command, a path, or an escaped slash", () => {
  expect(parseCommand("hello")).toEqual({ kind: "text", text: "hello" });
  expect(parseCommand("/etc/hosts")).toEqual({ kind: "text", text: "/etc/hosts" });
  expect(parseCommand("//shrug")).toEqual({ kind: "text", text: "/shrug" });
  expect(parseCommand("/me  waves\nback")).toEqual({ kind: "command", name: "me", argument: "waves\nback" });
  expect(parseCommand("/SHRUG")).toEqual({ kind: "command", name: "shrug", argument: "" });
  expect(parseCommand("/dance")).toEqual({ kind: "unknown", name: "dance" });
});

test("a command with somebody needs an address, and may have a reason", () => {
  expect(parseCommand("/kick @bo:example.org too loud")).toEqual({
    kind: "command",
    name: "kick",
    argument: "@bo:example.org too loud",
    target: "@bo:example.org",
    reason: "too loud",
  });
  expect(parseCommand("/remove @bo:example.org")).toMatchObject({ name: "kick", target: "@bo:example.org" });
  for (const text of ["/kick", "/kick bo", "/join tea", "/me", "/topic  "])
    expect([text, parseCommand(text).kind]).toEqual([text, "incomplete"]);
});

test("commands that one may not use are not offered", () => {
  expect(commandsFor("k", { remove: true }).map(({ name }) => name)).toEqual(["kick"]);
  expect(commandsFor("k", {})).toEqual([]);
  expect(commandsFor("part", {}).map(({ name }) => name)).toEqual(["leave"]);
});

test("a shrug keeps its arm", () => {
  const face = faceOf("shrug", "who *knows*") ?? "";
  expect(formatMarkdown(face).formattedBody).toBe("¯\\_(ツ)_/¯ who <em>knows</em>");
  expect(faceOf("me", "x")).toBeUndefined();
});
