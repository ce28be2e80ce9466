import { expect, test } from "vitest";
import { growth } from "./growth.ts";
import { formatMarkdown, formulasIn } from "./markdown.ts";

function html(source: string): string | undefined {
  return formatMarkdown(source).formattedBody;
}

/** What is Markdown in documents, and text in a chat. */
const PLAIN = [
  "¯\\_(ツ)_/¯",
  "a || b || c",
  "AT&amp;T &copy; <b>x</b> <https://example.org>",
  "[a]: https://example.org",
  "title\n---",
  "---",
  "    indented",
  "https://example.org/_a_/*b*",
  "first\n\nsecond",
  "it costs $5 and $10, or US$5",
  "5$ or 10$",
  "$5-$10",
  "$PATH:$HOME",
  "echo $A $B; $ ls $",
  "$$$ and $$",
  "$one\ntwo$",
];

test("text without markup has no formatted body", () => {
  for (const plain of [
    "hello",
    "2 * 3 * 4",
    "a < b && c > d",
    "snake_case_name",
    "two\nlines",
    "#1",
    "1.5",
    "-5",
    ...PLAIN,
  ]) {
    expect(formatMarkdown(plain)).toEqual({ body: plain, mentioned: [] });
  }
});

test("what stands between dollars is a formula, with its source for clients that draw none", () => {
  const inline = '<span data-mx-maths="a&lt;b_1*c*"><code>a&lt;b_1*c*</code></span>';
  expect(html("so $a<b_1*c*$, then")).toBe(`so ${inline}, then`);
  expect(html("$$x$$ **y**")).toBe('<span data-mx-maths="x"><code>x</code></span> <strong>y</strong>');
  const block = '<div data-mx-maths="x\ny"><code>x\ny</code></div>';
  expect(html("$$\nx\ny\n$$")).toBe(block);
  expect(html("before\n$$\nx\ny\n$$\nafter")).toBe(`<p>before</p>${block}<p>after</p>`);
  expect(html("`$x$` and \\$x$")).toBe("<code>$x$</code> and $x$");
  expect(html("$$\nnever closed")).toBeUndefined();
  expect(formulasIn("$a$ **$b$**\n\n- $c$\n\n$$d$$\n`$e$`")).toEqual([
    { source: "a", display: false },
    { source: "b", display: false },
    { source: "c", display: false },
    { source: "d", display: true },
  ]);
});

test.each([
  ["**bold** and *thin*", "<strong>bold</strong> and <em>thin</em>"],
  ["__bold__ and _thin_", "<strong>bold</strong> and <em>thin</em>"],
  ["~~gone~~", "<del>gone</del>"],
  ["`a < b`", "<code>a &lt; b</code>"],
  ["**a *b* c**", "<strong>a <em>b</em> c</strong>"],
  ["[IM2](https://example.org/a?b=1&c=2)", '<a href="https://example.org/a?b=1&amp;c=2">IM2</a>'],
  ["**你好**世界", "<strong>你好</strong>世界"],
  ["> quoted\nanswer", "<blockquote><p>quoted</p></blockquote><p>answer</p>"],
  ["- one\n- two", "<ul><li>one</li><li>two</li></ul>"],
  ["3. three\n4. four", '<ol start="3"><li>three</li><li>four</li></ol>'],
  ["## Title", "<h2>Title</h2>"],
  ["```js\nlet a = 1 < 2;\n```", '<pre><code class="language-js">let a = 1 &lt; 2;\n</code></pre>'],
  ["**x**\ny", "<strong>x</strong><br>y"],
  ["**好！**世界", "<strong>好！</strong>世界"],
  ["a **「好」**b", "a <strong>「好」</strong>b"],
  ["||the butler||", '<span data-mx-spoiler="">the butler</span>'],
  ["a ||**b**|| c", 'a <span data-mx-spoiler=""><strong>b</strong></span> c'],
  ["- one\n  - two\n- three", "<ul><li>one<ul><li>two</li></ul></li><li>three</li></ul>"],
  [
    "| a | b |\n|---|---|\n| 1 | *2* |",
    "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><em>2</em></td></tr></tbody></table>",
  ],
  ["one\n\n**two**", "<p>one</p><p><strong>two</strong></p>"],
  ["```\n    a\n\n  b\n```", "<pre><code>    a\n\n  b\n</code></pre>"],
  ["see **https://example.org/_a_b_**.", "see <strong>https://example.org/_a_b_</strong>."],
])("%s", (source, expected) => {
  expect(html(source)).toBe(expected);
});

test("a script is text", () => {
  expect(html("**<script>alert(1)</script>**")).toBe("<strong>&lt;script&gt;alert(1)&lt;/script&gt;</strong>");
});

test("a javascript link stays text", () => {
  expect(html("[x](javascript:alert(1))")).toBeUndefined();
});

test("underscores in an address are not emphasis", () => {
  expect(html("see https://example.org/a_b_c **now**")).toBe("see https://example.org/a_b_c <strong>now</strong>");
});

test("emphasis of emphasis ends somewhere, whatever is pasted", () => {
  for (const mark of ["*", "**", "_", "__", "~~", "*_", "**~~"]) {
    const nested = html(`${mark.repeat(20_000)}x${mark.repeat(20_000)}`) ?? "";
    let [depth, deepest] = [0, 0];
    for (const [, end] of nested.matchAll(/<(\/?)(?:em|strong|del)>/g)) {
      depth += end ? -1 : 1;
      deepest = Math.max(deepest, depth);
    }
    expect(deepest, mark).toBeLessThanOrEqual(16);
  }
});

test("a line separator is a character like others", () => {
  expect(html("**a\u2028b** **c**")).toBe("<strong>a\u2028b</strong> <strong>c</strong>");
});

test("an escaped asterisk is an asterisk", () => {
  expect(html("\\*a\\* **b**")).toBe("*a* <strong>b</strong>");
});

test("quotes of quotes end somewhere", () => {
  const quoted = html(`${"> ".repeat(20_000)}x`) ?? "";
  expect(quoted.match(/<blockquote>/g)?.length).toBe(16);
});

test.each(
  [
    "*a ",
    "**a ",
    "_a ",
    " __a",
    "~~a ",
    "`a",
    "[",
    "[a](http://",
    "[a] ",
    "\\",
    "**a** ",
    "*a **b ",
    "```x\n",
    "> \n",
    "- a\n",
    "- - ",
    "a|b\n",
    "|a|b|\n|-|-|\n",
    "||a",
    "https://",
  ].map((piece) => [piece]),
)(
  "%j over and over takes as long as it is",
  (piece) => {
    expect(growth((length) => piece.repeat(length / piece.length), formatMarkdown)).toBeLessThan(20);
  },
  30_000,
);

const ANA = { label: "@Ana Lima", id: "@ana:example.org" };
const TEA = { label: "#tea", id: "#tea:example.org" };
const AN = { label: "@Ana", id: "@other:example.org" };
const anaLink = '<a href="https://matrix.to/#/@ana:example.org">@Ana Lima</a>';

test("who is mentioned becomes a link, and is told", () => {
  expect(formatMarkdown("hi @Ana Lima, see #tea", [AN, ANA, TEA])).toEqual({
    body: "hi @Ana Lima, see #tea",
    formattedBody: `hi ${anaLink}, see <a href="https://matrix.to/#/%23tea:example.org">#tea</a>`,
    mentioned: [ANA.id, TEA.id],
  });
  expect(formatMarkdown("**@Ana Lima**", [ANA]).formattedBody).toBe(`<strong>${anaLink}</strong>`);
  expect(formatMarkdown("@安娜你好", [{ label: "@安娜", id: "@a:x" }]).mentioned).toEqual(["@a:x"]);
});

test("code, addresses and other words mention nobody", () => {
  for (const source of ["`@Ana Lima`", "```\n@Ana Lima\n```", "mail@Ana Lima", "@Ana Limas", "https://x/@Ana"]) {
    expect([source, formatMarkdown(source, [ANA, AN].slice(0, source.includes("/@") ? 2 : 1)).mentioned]).toEqual([
      source,
      [],
    ]);
  }
});

test("a paragraph of marks alone is text", () => {
  expect(html("*a* ".repeat(3_000))).toBeUndefined();
  expect(html(`${"*a* ".repeat(3_000)}\n\n**b**`)).toMatch(/<p><strong>b<\/strong><\/p>$/);
});
