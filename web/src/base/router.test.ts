// @vitest-environment jsdom
import { expect, test } from "vitest";
import { parseRoute, pathOf, type Route } from "./router.ts";

const routes: [string, Route][] = [
  ["/", { name: "chats" }],
  ["/people", { name: "people" }],
  ["/login", { name: "sign-in" }],
  ["/share", { name: "share" }],
  ["/settings", { name: "settings", section: undefined }],
  ["/settings/privacy", { name: "settings", section: "privacy" }],
  ["/u/@ana:example.org", { name: "person", userId: "@ana:example.org" }],
  ["/u/@a%2Fb:example.org:8448", { name: "person", userId: "@a/b:example.org:8448" }],
  ["/space/!abc:example.org", { name: "space", spaceId: "!abc:example.org" }],
  ["/room/!abc:example.org", { name: "room", roomId: "!abc:example.org", eventId: undefined }],
  ["/room/!v12id", { name: "room", roomId: "!v12id", eventId: undefined }],
  ["/room/%23tea:example.org", { name: "room", roomId: "#tea:example.org", eventId: undefined }],
  ["/room/!abc:example.org/$event", { name: "room", roomId: "!abc:example.org", eventId: "$event" }],
];

test.each(routes)("%s", (path, route) => {
  expect(parseRoute(path, "")).toEqual(route);
  expect(pathOf(route)).toBe(path);
});

test("a registration link carries its token", () => {
  const route = parseRoute("/register", "?token=a%20b");
  expect(route).toEqual({ name: "register", token: "a b" });
  expect(pathOf(route)).toBe("/register?token=a%20b");
});

test("what is not an address of ours is not found", () => {
  expect(parseRoute("/nowhere", "")).toEqual({ name: "not-found" });
  expect(parseRoute("/u/ana", "")).toEqual({ name: "not-found" });
  expect(parseRoute("/settings/x/y", "")).toEqual({ name: "not-found" });
  expect(parseRoute("/room/", "")).toEqual({ name: "not-found" });
  expect(parseRoute("/room/%E0%A4%A", "")).toEqual({ name: "room", roomId: "%E0%A4%A", eventId: undefined });
});
