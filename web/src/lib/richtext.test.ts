// @vitest-environment jsdom
import { expect, test } from "vitest";
import { growth } from "./growth.ts";
import { firstLink, linkify, parseRichText, permalinkTarget, plainText, type RichNode, summaryOf } from "./richtext.ts";

/** The sanitised tree, written back as markup that is easy to compare. */
function render(nodes: readonly RichNode[]): string {
  return nodes
    .map((node) => {
      if (typeof node === "string") return node;
      const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}="${value}"`);
      return `<${node.tag}${attributes.join("")}>${render(node.children)}</${node.tag}>`;
    })
    .join("");
}

test.each([
  ["<b>a</b> <em>b</em>", "<b>a</b> <em>b</em>"],
  ["<script>alert(1)</script>ok", "ok"],
  ["<img src=x onerror=alert(1) alt='cat'>", "cat"],
  ["<a href='javascript:alert(1)'>x</a>", "x"],
  ["<a href=' JaVaScRiPt:alert(1)'>x</a>", "x"],
  ["<a href='data:text/html,x'>x</a>", "x"],
  ["<a href='http://'>x</a> <a href='https:login'>y</a> <a href='&nbsp;https://example.org'>z</a>", "x y z"],
  ["<a href='https://example.org' onclick='x()' style='color:red'>x</a>", '<a href="https://example.org">x</a>'],
  ["<p style='position:fixed' class='evil' id='root'>x</p>", "<p>x</p>"],
  ["<mx-reply><blockquote>old</blockquote></mx-reply>new", "new"],
  ["<svg><script>alert(1)</script></svg><math><mi>x</mi></math>y", "y"],
  ["<iframe src='https://example.org'></iframe><form><button>go</button></form>", "go"],
  ["<code class='language-rust evil'>x</code>", '<code language="rust">x</code>'],
  ["<ol start='4'><li>x</li></ol>", '<ol start="4"><li>x</li></ol>'],
  ["<ol start='1e9'><li>x</li></ol>", "<ol><li>x</li></ol>"],
  ["<span data-mx-spoiler='why'>x</span>", '<span spoiler="why">x</span>'],
  ["<font color='red'>x</font><marquee>y</marquee>", "xy"],
  ["<br>a<br><br>", "a"],
])("%s", (source, expected) => {
  expect(render(parseRichText(source))).toBe(expected);
});

test("nesting is bounded", () => {
  const deep = `${"<div>".repeat(500)}x${"</div>".repeat(500)}`;
  expect(render(parseRichText(deep)).match(/<div>/g)?.length).toBe(100);
});

test("plain text joins the words", () => {
  expect(plainText(parseRichText("<p>a <b>b</b></p>c"))).toBe("a bc");
});

test("a summary has the words without the marks, and keeps secrets", () => {
  expect(summaryOf("<h1>Tea</h1><ul><li>green</li><li><b>bl</b>ack</li></ul>")).toBe("Tea green black");
  expect(summaryOf("it was <span data-mx-spoiler>the butler</span>")).toBe("it was ▒▒▒");
  expect(summaryOf("one<br>two<p>three</p>")).toBe("one two three");
});

test.each([
  ["see https://example.org/a.", ["see ", "https://example.org/a", "."]],
  ["(https://example.org/a_(b))", ["(", "https://example.org/a_(b)", ")"]],
  ["看https://example.org/页，好", ["看", "https://example.org/页", "，好"]],
  ["no address here", ["no address here"]],
  ["https:// mailto:. https://) mailto:)", ["https:// mailto:. https://) mailto:)"]],
])("%s", (source, expected) => {
  expect(linkify(source).map((part) => part.text)).toEqual(expected);
});

test("permalinks name users, rooms and events", () => {
  expect(permalinkTarget("https://matrix.to/#/@ana:example.org")).toEqual({ userId: "@ana:example.org" });
  expect(permalinkTarget("https://matrix.to/#/%23tea%3Aexample.org")).toEqual({ room: "#tea:example.org" });
  expect(permalinkTarget("https://matrix.to/#/!r:example.org/$e?via=x")).toEqual({
    room: "!r:example.org",
    eventId: "$e",
  });
  expect(permalinkTarget("https://example.org/#/@ana:example.org")).toBeUndefined();
});

test.each([
  ["matrix:u/ana:example.org", { userId: "@ana:example.org" }],
  ["matrix:r/tea%20room:example.org?via=x", { room: "#tea room:example.org" }],
  ["matrix:roomid/abc:example.org/e/event?action=join", { room: "!abc:example.org", eventId: "$event" }],
  ["https://chat.example.org/room/!abc:example.org/$event", { room: "!abc:example.org", eventId: "$event" }],
  ["https://chat.example.org/room/%23tea:example.org", { room: "#tea:example.org" }],
  ["https://chat.example.org/room/", undefined],
  ["https://chat.example.org.evil.example/room/!abc:example.org", undefined],
  ["https://matrix.to/#/!", undefined],
  ["matrix:x/abc", undefined],
])("%s stays inside of the client", (href, target) => {
  expect(permalinkTarget(href, "https://chat.example.org")).toEqual(target);
});

test.each([[")"], ["("], ["."], [".)"], ["a.)"], ["https://"], ["https://x) "], [":"]])(
  "an address and %j over and over take as long as they are",
  (piece) => {
    const text = (length: number) => `https://x${piece.repeat(length / piece.length)}x`;
    expect(growth(text, linkify)).toBeLessThan(20);
    expect(growth((length) => text(length).slice(0, -1), linkify)).toBeLessThan(20);
  },
);

test("formatting that is left open does not multiply", () => {
  const opened = Array.from({ length: 2_000 }, (_, index) => `<b id=${index}>`).join("");
  for (const between of ["", `<table><tr><td>${"</b>".repeat(2_000)}</table>`]) {
    const nodes = parseRichText(`${opened}${between}${"<p>x</p>".repeat(2_000)}`);
    expect(plainText(nodes).match(/x/g)?.length).toBe(2_000);
    expect(render(nodes).length).toBeLessThan(100_000);
  }
});

test("the first link leads outside", () => {
  const origin = "https://chat.example.org";
  expect(firstLink(`${origin}/room/!a:b https://matrix.to/#/@a:b mailto:a@b https://x.example/y.`, origin)).toBe(
    "https://x.example/y",
  );
  expect(firstLink("no link")).toBeUndefined();
});
