import { expect, test } from "vitest";
import { faultOf, isAllowed, patternsOf, readServerAccess, serverAclContent } from "./serveracl.ts";

const OPEN = readServerAccess(undefined);
const access = (content: object) => readServerAccess(content as Record<string, unknown>);

test("a room without a list is open to every server, one with an empty list to none", () => {
  for (const server of ["example.org", "example.org:8448", "10.0.0.1", "[2001:db8::1]:8448"])
    expect(isAllowed(OPEN, server)).toBe(true);
  expect(isAllowed(access({}), "example.org")).toBe(false);
  expect(isAllowed(access({ allow: "*", deny: 5 }), "example.org")).toBe(false);
});

test.each([
  [{ allow: ["*"], deny: ["evil.example"] }, "evil.example:8448", false],
  [{ allow: ["*"], deny: ["evil.example"] }, "EVIL.example", false],
  [{ allow: ["*"], deny: ["evil.example"] }, "not-evil.example", true],
  [{ allow: ["*"], deny: ["*.evil.example"] }, "a.b.evil.example", false],
  [{ allow: ["*"], deny: ["*.evil.example"] }, "evil.example", true],
  [{ allow: ["*.Example.org", "x"] }, "a.example.org", true],
  [{ allow: ["a?c.org"] }, "abc.org", true],
  [{ allow: ["a?c.org"] }, "ac.org", false],
  [{ allow: ["a.c"] }, "abc", false],
  [{ allow: ["*"], allow_ip_literals: false }, "10.0.0.1:8448", false],
  [{ allow: ["*"], allow_ip_literals: false }, "[::1]", false],
  [{ allow: ["*"], allow_ip_literals: false }, "1.example.org", true],
  [{ allow: ["*"], allow_ip_literals: "no" }, "10.0.0.1", true],
  [{ allow: ["*"], deny: [5, "example.org"] }, "example.org", false],
])("%j, %s: %s", (content, server, allowed) => {
  expect(isAllowed(access(content), server)).toBe(allowed);
});

test("a pattern that is made to take long does not", () => {
  const hostile = `${"*a".repeat(20_000)}b`;
  const start = performance.now();
  expect(isAllowed(access({ allow: [hostile] }), "a".repeat(255))).toBe(false);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("names are read one a line, and said to be none where they are none", () => {
  expect(patternsOf(" a.org\n\nb.org, *.c.org ;a.org\t\r\n")).toEqual(["a.org", "b.org", "*.c.org"]);
  expect(patternsOf("ev il.example")).toEqual(["ev il.example"]);
  const long = "a".repeat(63);
  for (const name of [
    "a.org",
    "*",
    "*.a.org",
    "a?.org",
    "xn--fiqs8s",
    "10.0.0.*",
    "[2001:db8::1]",
    "[::ffff:1.2.3.4]",
    `${long}.org`,
  ])
    expect(faultOf(name)).toBeUndefined();
  for (const [name, fault] of [
    ["ev il.example", "blanks"],
    ["a.org:8448", "port"],
    ["@ana:a.org", "port"],
    ["https://a.org", "port"],
    ["a/b", "port"],
    ["[::1]:8448", "port"],
    ["-", "letters"],
    ["..", "letters"],
    ["a..org", "letters"],
    ["-a.org", "letters"],
    ["[", "letters"],
    ["", "letters"],
    ["a\u202e.org", "letters"],
    ["a".repeat(300), "long"],
    [`${long}a.org`, "long"],
    [`${long}.${long}.${long}.${long}.org`, "long"],
  ] as const)
    expect(faultOf(name), name).toBe(fault);
});

test("names in other scripts are written as servers write them", () => {
  expect(patternsOf("exämple.org\n例子.com\n*.例子。com\nMÜNCHEN.de")).toEqual([
    "xn--exmple-cua.org",
    "xn--fsqu00a.com",
    "*.xn--fsqu00a.com",
    "xn--mnchen-3ya.de",
  ]);
  // What cannot be written so stays, and is said to be wrong.
  expect(patternsOf("１２.org\nhttps://例.com")).toEqual(["１２.org", "https://例.com"]);
});

test("what is written is read again", () => {
  const written = { allow: ["*.a.org"], deny: ["b.a.org"], addresses: false };
  expect(serverAclContent(written)).toEqual({ allow: ["*.a.org"], deny: ["b.a.org"], allow_ip_literals: false });
  expect(readServerAccess(serverAclContent(written))).toEqual(written);
});
