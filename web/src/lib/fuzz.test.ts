// @vitest-environment jsdom
/** What holds for anything that strangers write, checked on text made of pieces with a meaning. */
import { expect, test } from "vitest";
import { parseRoute, pathOf } from "../base/router.ts";
import { Media } from "../matrix/media.ts";
import type { Tokens } from "../matrix/tokens.ts";
import { growth } from "./growth.ts";
import { CASES, forAll, type Hostile, LETTERS } from "./hostile.ts";
import { escapeHtml, formatMarkdown } from "./markdown.ts";
import { linkify, parseRichText, permalinkTarget, plainText, type RichNode } from "./richtext.ts";
import { cleanName, colourOf, initials, isJumboEmoji, isolated, isUserId, localpart } from "./text.ts";

/** What the specification lets messages carry (client-server API, "m.room.message msgtypes"), less what shows pictures. */
const TAGS =
  `del h1 h2 h3 h4 h5 h6 blockquote p a ul ol sup sub li b i u strong em s code hr br div table thead tbody tr th td
   caption pre span details summary`.split(/\s+/);
const OTHER_TAGS =
  `script style template svg math iframe object embed img form button input select textarea title head body html font
   marquee noscript frameset frame plaintext xmp mx-reply foreignObject annotation-xml base link meta`.split(/\s+/);
const SCHEMES = ["http:", "https:", "ftp:", "mailto:", "magnet:", "matrix:"];

const HREFS = [
  ..."https://example.org/ HTTPS://x javascript:alert(1) JaVaScRiPt:x data:text/html,x vbscript:x //x /x mailto:a".split(
    " ",
  ),
  ..."&#106;avascript:x java&#10;script:x matrix:u/a https:x http:// \u0001javascript:x".split(" "),
  "\u00a0https://x",
  "java\tscript:x",
];
const ATTRIBUTES = [
  ..."onclick=x() style='position:fixed' id=root class=language-rust class='evil language-c++ x' start=3 start=-1".split(
    " ",
  ),
  ..."data-mx-maths=x^2 data-mx-maths='&lt;&quot;' data-mx-spoiler data-mx-spoiler='why' data-mx-color=#fff srcdoc='<script>' xmlns=x name=body".split(
    " ",
  ),
  ..."onerror=x src=x alt='&lt;b&gt;' title=t target=_top background=x formaction=javascript:x".split(" "),
];

/** The parser of the tests' browser takes some 20 ms. */
const PARSED = Math.ceil(CASES / 8);

function attributes(hostile: Hostile): string {
  const href = () => ` href=${hostile.pick(["", "'", '"'])}${hostile.pick(HREFS)}${hostile.pick(["", "'", '"'])}`;
  return Array.from({ length: hostile.below(3) }, () =>
    hostile.below(2) === 0 ? href() : ` ${hostile.pick(ATTRIBUTES)}`,
  ).join("");
}

/** Markup that is well formed as often as not. */
function markup(hostile: Hostile, depth = 0): string {
  const parts = Array.from({ length: hostile.below(5) }, () => {
    const tag = hostile.pick(hostile.below(3) === 0 ? OTHER_TAGS : TAGS);
    switch (hostile.below(depth < 5 ? 7 : 3)) {
      case 0:
        return hostile.text(LETTERS, 4);
      case 1:
        return hostile.pick([
          "<!--",
          "-->",
          "<![CDATA[",
          "]]>",
          "<?x?>",
          "<",
          "</",
          "&",
          "&lt;",
          "&#x0;",
          "&#xd800;",
          "\0",
        ]);
      case 2:
        return hostile.pick([`<${tag}${attributes(hostile)}>`, `</${tag}>`, `<${tag}/>`, `<${tag} `]);
      default:
        return `<${tag}${attributes(hostile)}>${markup(hostile, depth + 1)}</${tag}>`;
    }
  });
  return parts.join("");
}

/** The tree as HTML in the form that Markdown is written in. */
function render(nodes: readonly RichNode[]): string {
  return nodes
    .map((node) => {
      if (typeof node === "string") return escapeHtml(node);
      const { href, start, language, spoiler, maths } = node.attributes;
      const written = [
        href === undefined ? "" : ` href="${escapeHtml(href)}"`,
        start === undefined ? "" : ` start="${start}"`,
        language === undefined ? "" : ` class="language-${language}"`,
        spoiler === undefined ? "" : ` data-mx-spoiler="${escapeHtml(spoiler)}"`,
        maths === undefined ? "" : ` data-mx-maths="${escapeHtml(maths)}"`,
      ].join("");
      const children = render(node.children);
      return /^[bh]r$/.test(node.tag) ? `<${node.tag}>${children}` : `<${node.tag}${written}>${children}</${node.tag}>`;
    })
    .join("");
}

/** Everything about a tree that is not allowed. */
function faults(nodes: readonly RichNode[], depth = 0): string[] {
  return nodes.flatMap((node) => {
    if (typeof node === "string") return [];
    const { href, start, language, spoiler, maths, ...others } = node.attributes;
    const wrong = [
      depth > 100 && "too deep",
      !TAGS.includes(node.tag) && "its tag",
      Object.keys(others).length > 0 && "other attributes",
      // Where the browser would go, as the browser reads it on this client's pages.
      (node.tag === "a") !== (href !== undefined) && "a link without address",
      href !== undefined && !leadsOutside(href) && `href ${href}`,
      start !== undefined && !(node.tag === "ol" && /^\d{1,9}$/.test(start)) && "start",
      language !== undefined && !(node.tag === "code" && /^[\w+-]+$/.test(language)) && "language",
      spoiler !== undefined && node.tag !== "span" && "spoiler",
      maths !== undefined && node.tag !== "span" && node.tag !== "div" && "maths",
    ];
    const own = wrong.filter((fault) => fault !== false).map((fault) => `${node.tag}: ${fault}`);
    return [...own, ...faults(node.children, depth + 1)];
  });
}

function leadsOutside(href: string): boolean {
  const { protocol, host } = new URL(href, "https://im.example/room/");
  return SCHEMES.includes(protocol) && host !== "im.example";
}

test("of any markup only what is allowed is left, and stays so", () => {
  forAll((hostile) => {
    const tree = parseRichText(markup(hostile));
    // What a parser moves about the first time, it has moved.
    const again = parseRichText(render(tree));
    expect([faults(tree), faults(again)]).toEqual([[], []]);
    const third = parseRichText(render(again));
    expect(plainText(third).replace(/\s/g, "")).toBe(plainText(again).replace(/\s/g, ""));
  }, PARSED);
});

const WRITING = [
  ...LETTERS.filter((letter) => letter !== "\n"),
  ..."* ** *** _ __ ~~ ` ``` [ ] ( ) ]( > < & \\ # - 1. 2) https:// http://x mailto:a https://example.org/a_b_c &amp;".split(
    " ",
  ),
  "\n",
  "\n\n",
  "\n> ",
  "\n- ",
  "\n```\n",
  "\n```js\n",
  "$",
  "$$",
  "\n$$\n",
  "$x^2$",
  "\\$",
  "[a](https://x)",
  "**a**",
  "<b>",
  "<script>",
  '" onclick="x',
];

test("what is written in Markdown is what the sanitiser lets through", () => {
  forAll((hostile) => {
    const source = hostile.text(WRITING, 20);
    const { body, formattedBody } = formatMarkdown(source);
    expect(body).toBe(source);
    if (formattedBody === undefined) return;
    const [tree] = parseRichText(`<div>${formattedBody}</div>`);
    expect(render([tree as RichNode])).toBe(`<div>${formattedBody}</div>`);
    expect(faults([tree as RichNode])).toEqual([]);
  }, 2 * PARSED);
});

test("one white space in Markdown is as good as another", () => {
  const spaces = /[\u2028\u2029]/g;
  forAll((hostile) => {
    const source = hostile.text([...WRITING, "\u2028", "\u2029"], 20);
    const expected = formatMarkdown(source.replace(spaces, "\u00a0")).formattedBody;
    expect(formatMarkdown(source).formattedBody?.replace(spaces, "\u00a0")).toBe(expected);
  });
});

const ADDRESSES = [
  ...LETTERS,
  ..."https:// http:// mailto: https mailto HTTP:// https://example.org/a example.org ) ( .) * ~ www. javascript:".split(
    " ",
  ),
];

test("links are parts of the text and lead where they say", () => {
  forAll((hostile) => {
    const text = hostile.text(ADDRESSES);
    const parts = linkify(text);
    expect(parts.map((part) => part.text).join("")).toBe(text);
    for (const { text: part, href } of parts) {
      expect(part).not.toBe("");
      if (href === undefined) continue;
      expect(href).toBe(part);
      expect(href).toMatch(/^(?:https?:\/\/|mailto:)[^\s<>"']/iu);
      expect(leadsOutside(href), href).toBe(true);
    }
  });
});

test("permalinks, addresses and media keep to their places", () => {
  const pieces = [
    ..."https://matrix.to/#/ / ? %2F %40 @ ! # $ %E0%A4%A %00 .. . : mxc:// example.org a".split(" "),
    "日",
  ];
  const media = new Media("https://example.org", undefined as unknown as Tokens);
  forAll((hostile) => {
    const target = permalinkTarget(`${hostile.pick(["https://matrix.to/#/", "matrix:", ""])}${hostile.text(pieces)}`);
    if (target !== undefined) expect("userId" in target ? target.userId : target.room).toMatch(/^[@!#]/);

    const roomId = `!${hostile.text(pieces)}`;
    const eventId = hostile.below(2) === 0 ? undefined : `$${hostile.text(pieces)}`;
    const path = pathOf({ name: "room", roomId, eventId });
    expect(new URL(path, "https://example.org").pathname).toMatch(/^\/room\//);
    expect(parseRoute(path, "")).toEqual({ name: "room", roomId, eventId });

    const mxc = `mxc://${hostile.text(pieces, 4)}/${hostile.text(pieces, 4)}`;
    const size = { width: 32, height: 32, method: "crop" } as const;
    for (const key of [media.downloadKey(mxc), media.thumbnailKey(mxc, size)]) {
      if (key === undefined) continue;
      const { pathname } = new URL(`/_matrix/client/v1/media/${key}`, "https://example.org");
      expect(pathname).toMatch(/^\/_matrix\/client\/v1\/media\/(?:download|thumbnail)\/[^/]+\/[^/]+$/);
    }
  });
});

test("names are shown without what changes the text around them", () => {
  forAll((hostile) => {
    const name = hostile.text(LETTERS);
    const clean = cleanName(name);
    expect(cleanName(clean)).toBe(clean);
    expect(clean).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    expect([1, 2]).toContain([...new Intl.Segmenter().segment(initials(name))].length);
    expect(colourOf(name)).toBeLessThan(8);
    expect(isolated(name)).toContain(name);
    expect(localpart(name)).not.toBeUndefined();
    expect([typeof isUserId(name), typeof isJumboEmoji(name)]).toEqual(["boolean", "boolean"]);
  });
});

/** Each case is repeated to 64,000 characters, some ten times. */
const GROWING = Math.ceil(CASES / 64);

test("whatever is repeated takes as long as it is", () => {
  forAll((hostile) => {
    const piece = hostile.pick([
      () => hostile.text(WRITING, 4),
      () => hostile.text(ADDRESSES, 4),
      () => hostile.text(LETTERS, 4),
    ])();
    const text = (length: number) => (piece === "" ? "a" : piece).repeat(length / Math.max(piece.length, 1));
    for (const run of [formatMarkdown, linkify, initials, cleanName, isJumboEmoji, isUserId, permalinkTarget]) {
      expect(growth(text, run), `${run.name} of ${JSON.stringify(piece)}`).toBeLessThan(20);
    }
  }, GROWING);
});
