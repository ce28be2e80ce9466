import { expect, test } from "vitest";
import { growth } from "./growth.ts";
import { highlight, type Kind } from "./highlight.ts";
import { forAll, LETTERS } from "./hostile.ts";

const LANGUAGES =
  "bash c cpp csharp css diff go ini java javascript json kotlin markdown php python ruby rust shell sql swift typescript xml yaml".split(
    " ",
  );

/** The pieces of a kind. */
const of = (kind: Kind | undefined, language: string, code: string) =>
  highlight(code, language)
    .filter((part) => part.kind === kind)
    .map(({ text }) => text.trim());

test("code is all there, and its words are told apart", () => {
  const code = 'fn main() {\n    println!("<b>"); // hi\n}\n';
  const parts = highlight(code, "rust");
  expect(parts.map(({ text }) => text).join("")).toBe(code);
  expect(parts.find(({ text }) => text === "fn")?.kind).toBe("keyword");
  expect(parts.find(({ text }) => text === "main")?.kind).toBe("title");
  expect(parts.find(({ text }) => text.includes("<b>"))?.kind).toBe("string");
  expect(parts.find(({ text }) => text.includes("hi"))?.kind).toBe("comment");
});

test.each<[language: string, code: string, kind: Kind, found: string[]]>([
  ["bash", 'for f in *.txt; do echo "$f # no" # yes\ndone', "keyword", ["for", "in", "do", "done"]],
  ["bash", "curl http://a.example/#x $HOME # yes", "comment", ["# yes"]],
  ["sh", "deploy() { rm -r $DIR; }", "title", ["deploy"]],
  ["c", "#include <stdio.h>\nint n = 0x1F; /* two\nlines */", "comment", ["/* two\nlines */"]],
  ["c", "#include <stdio.h>\nsize_t n = 0x1FUL;", "number", ["0x1FUL"]],
  ["c++", 'auto s = R"(a "quoted" b)"; // c', "string", ['R"(a "quoted" b)"']],
  ["cs", 'var p = @"C:\\"; string s = $"{p}";', "string", ['@"C:\\"', '"{p}"']],
  ["css", ".card:hover { color: #fff; margin: 0 1.5rem }", "title", ["color", "margin"]],
  ["css", ".card:hover { color: #fff; margin: 0 1.5rem }", "number", ["#fff", "0", "1.5rem"]],
  ["scss", "@use 'x';\n.card { --gap: $wide; }", "type", [".card", "--gap", "$wide"]],
  ["diff", "--- a\n+++ b\n-old\n+new\n same", "addition", ["+new"]],
  ["patch", "--- a\n+++ b\n-old\n+new\n same", "deletion", ["-old"]],
  ["go", "x := `raw \\`\nfmt.Println(x) // y", "string", ["`raw \\`"]],
  ["toml", "[package]\nname = 'im2' # a name\n\"a b\" = true", "title", ["name", '"a b"']],
  ["ini", "[a]\n; note\nkey = on", "comment", ["; note"]],
  ["java", "@Override public String toString() { return null; }", "meta", ["@Override"]],
  ["js", "const a = b / 2 / c; x = /[/'\"]+/g.test(s) // end", "string", ["/[/'\"]+/g"]],
  ["js", "const a = b / 2 / c; x = /[/'\"]+/g.test(s) // end", "comment", ["// end"]],
  [
    "js",
    `f(\`one \${a ? \`two \${'x'}\` : {}} three\`, 'it')`,
    "string",
    [`\`one \${a ? \`two \${'x'}\` : {}} three\``, "'it'"],
  ],
  ["ts", "interface A { readonly b: Map<string, number> }", "type", ["A", "Map", "string", "number"]],
  ["json", '{"a": "b", "c": [1.5e3, -2, null]}', "title", ['"a"', '"c"']],
  ["json", '{"a": "b", "c": [1.5e3, -2, null]}', "number", ["1.5e3", "-2", "null"]],
  ["kt", 'val s = """a "b" c"""', "string", ['"""a "b" c"""']],
  ["md", "# Title\n- `code` **bold** [x](y)\n> quote", "keyword", ["# Title"]],
  ["md", "# Title\n- `code` **bold** [x](y)\n> quote", "title", ["[x](y)"]],
  ["php", "<?php\n// it's\nECHO $name['a'];", "keyword", ["ECHO"]],
  ["php", "<?php\n// it's\nECHO $name['a'];", "string", ["'a'"]],
  ["py", '@cache\ndef f(a):\n    """doc\'s"""\n    return f"{a}" # c', "string", ['"""doc\'s"""', 'f"{a}"']],
  ["py", "@cache\nclass A: pass", "meta", ["@cache"]],
  ["rb", "attr_reader :name\n@a = { key: 'v' } # c", "number", [":name", "key:"]],
  ["rust", "impl<'a> A<'a> { fn f(c: char) -> bool { c == 'x' || c == '\\'' } }", "string", ["'x'", "'\\''"]],
  ["rs", '#[derive(Debug)]\nlet s = r#"a "b" c"#;', "meta", ["#[derive(Debug)]"]],
  ["console", "user@host:~$ ls --all # list\nfile's name", "meta", ["user@host:~$"]],
  ["console", "user@host:~$ ls --all # list\nfile's name", "string", []],
  ["sql", "SELECT count(*) FROM \"t\" WHERE a = 'it''s' -- c", "string", ["'it''s'"]],
  ["sql", "SELECT count(*) FROM \"t\" WHERE a = 'it''s' -- c", "keyword", ["SELECT", "FROM", "WHERE"]],
  ["swift", '@State private var n: Int? = nil // "', "number", ["nil"]],
  ["html", '<!-- a --><p class="b">it\'s &amp; <br/></p>', "string", ['"b"']],
  [
    "html",
    "<script>const a = '<b>';</script><style>a { top: 0; }</style>",
    "keyword",
    ["<script", ">", "const", "</script", ">", "<style", ">", "a", "</style", ">"],
  ],
  ["yaml", "a: 1 # c\nlist:\n  - name: 'x: y'\n    on: true", "title", ["a", "list", "- name", "on"]],
  ["yml", "a: 1 # c\nurl: http://x/#y", "comment", ["# c"]],
])("%s: %s", (language, code, kind, found) => {
  expect(of(kind, language, code)).toEqual(found);
});

test("an unknown language, and what is too long, stays as it is", () => {
  expect(highlight("a b", "no-such-language")).toEqual([{ text: "a b" }]);
  expect(highlight("constructor", "constructor")).toEqual([{ text: "constructor" }]);
  expect(highlight("let a;\n".repeat(10_000), "js")).toHaveLength(1);
  expect(highlight("a".repeat(2_000), "js")).toHaveLength(1);
  const parts = highlight("1 ".repeat(450).concat("\n").repeat(60), "js");
  expect(parts.length).toBeLessThan(5_010);
  expect(parts.map(({ text }) => text).join("")).toHaveLength(901 * 60);
});

const PIECES = [
  ..."(){}[]<>\"'`/\\*#=-:;&!@$%+~ \n",
  "//",
  "/*",
  "${",
  "=>",
  "```",
  '"""',
  "<a",
  "</",
  "<!--",
  'r#"',
  "a.",
  "a:",
  "- ",
];

test("no character is lost, whatever the code", () => {
  forAll((hostile) => {
    const code = hostile.text([...PIECES, ...LETTERS], 60);
    for (const language of LANGUAGES)
      expect(
        highlight(code, language)
          .map(({ text }) => text)
          .join(""),
        language,
      ).toBe(code);
  });
});

test.each(LANGUAGES)(
  "%s is read in time that grows like its length",
  (language) => {
    for (const piece of [
      ...PIECES.filter((piece) => piece !== "\n"),
      "<script>",
      '"a" ',
      "a ",
      "a:b",
      "'\\",
      "[/",
      "<a '",
    ]) {
      const line = `${piece.repeat(900 / piece.length)}\n`;
      const text = (length: number) => line.repeat(length / line.length);
      expect(
        growth(text, (code) => highlight(code, language)),
        piece,
      ).toBeLessThan(20);
    }
  },
  60_000,
);
