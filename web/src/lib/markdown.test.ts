import { expect, test } from "vitest";
import { growth } from "./growth.ts";
import { formatMarkdown } from "./markdown.ts";

function html(source: string): string | undefined {
  return formatMarkdown(source).formattedBody;
}

test("text without markup has no formatted body", () => {
  for (const plain of ["hello", "2 * 3 * 4", "a < b && c > d", "snake_case_name", "two\nlines", "#1", "1.5", "-5"]) {
    expect(formatMarkdown(plain)).toEqual({ body: plain });
  }
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
    "https://",
  ].map((piece) => [piece]),
)("%j over and over takes as long as it is", (piece) => {
  expect(growth((length) => piece.repeat(length / piece.length), formatMarkdown)).toBeLessThan(20);
});
