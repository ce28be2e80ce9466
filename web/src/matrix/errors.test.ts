import { ConnectionError } from "matrix-js-sdk/lib/matrix.js";
import { expect, test } from "vitest";
import { isLostConnection, problemOf } from "./errors.ts";

test.each([
  ["the SDK's", new ConnectionError("fetch failed")],
  ["Chromium's", new TypeError("Failed to fetch")],
  ["Firefox's", new TypeError("NetworkError when attempting to fetch resource.")],
  ["Safari's", new TypeError("Load failed")],
])("a request without an answer: %s", (_whose, error) => {
  expect(isLostConnection(error)).toBe(true);
  expect(problemOf(error)).toEqual({ kind: "offline" });
});

test("a fault in the program is no lost connection", () => {
  const fault = new TypeError("Cannot read properties of undefined (reading 'id')");
  expect(isLostConnection(fault)).toBe(false);
  expect(problemOf(fault)).toEqual({ kind: "server" });
});

test("what was asked of an encryption engine that signing out has closed was called off", () => {
  expect(problemOf(new Error("null pointer passed to rust"))).toEqual({ kind: "cancelled" });
});
