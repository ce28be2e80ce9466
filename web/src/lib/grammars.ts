/**
 * The languages that `highlight.ts` knows. Each rule matches in time that is linear in its line or in what it takes: what
 * is opened and not closed ends with the line or with the code.
 */
import type { Kind } from "./highlight.ts";

/** What an expression matches: something of this kind, a word that is looked up, or code in another language. */
type Rule = readonly [what: Kind | "word" | Grammar, expression: string];

export interface Grammar {
  rules: readonly Rule[];
  /** All rules, a group for each; at each place the first one that matches. */
  pattern: RegExp;
  words: ReadonlyMap<string, Kind>;
  /** A word before a parenthesis is the name of a function, and one with a capital the name of a type. */
  calls: boolean;
  /** The case of words does not matter. */
  folds: boolean;
}

interface Words {
  keywords?: string;
  types?: string;
  /** Values that have names. */
  values?: string;
  calls?: boolean;
  folds?: boolean;
}

function grammar(
  rules: readonly Rule[],
  { keywords, types, values, calls = false, folds = false }: Words = {},
): Grammar {
  const words = new Map<string, Kind>();
  const learn = (list = "", kind: Kind) => {
    for (const word of list.split(" ")) words.set(word, kind);
  };
  learn(types, "type");
  learn(values, "number");
  learn(keywords, "keyword");
  return {
    rules,
    pattern: new RegExp(rules.map(([, expression]) => `(${expression})`).join("|"), "gm"),
    words,
    calls,
    folds,
  };
}

const raw = String.raw;
const START = "(?<![^])";
const END = "(?![^])";
const BLOCK = raw`/\*[^]*?(?:\*/|${END})`;
const SLASHES = `//.*|${BLOCK}`;
const DOUBLE = raw`"(?:\\[^]|[^"\\\n])*"?`;
const SINGLE = raw`'(?:\\[^]|[^'\\\n])*'?`;
const QUOTED = `${DOUBLE}|${SINGLE}`;
/** Strings over several lines. */
const LONG_DOUBLE = raw`"(?:\\[^]|[^"\\])*"?`;
const LONG_SINGLE = "'[^']*'?";
const THREE_DOUBLE = raw`"""(?:\\[^]|[^\\])*?(?:"""|${END})`;
const THREE_SINGLE = raw`'''(?:\\[^]|[^\\])*?(?:'''|${END})`;
/** With what is put into them, one string in another deep. */
const TEMPLATE = raw`${"`"}(?:\\[^]|\$\{(?:[^{}${"`"}]|${"`"}[^${"`"}]*${"`"}|\{[^{}]*\})*\}|[^${"`"}\\])*${"`"}?`;
const NUMBER = raw`\b(?:0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)\w*`;
const WORD = raw`[\w$\u0080-\uffff]+`;
/** Where no value stands before it, so that it does not divide. */
const REGEXP = raw`(?<=(?:^|[=(,:;!&|?{}[+~^<>]|\breturn|\bcase)[ \t]{0,4})/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+/[a-z]*`;
const ANNOTATION = raw`@[\w.]+`;

const number: Rule = ["number", NUMBER];
const word: Rule = ["word", WORD];

/** A language with comments, strings, numbers and words, and what it has before all of them. */
const language = (words: Words, comment: string, string: string, ...rules: Rule[]) =>
  grammar([...rules, ["comment", comment], ["string", string], number, word], { calls: true, ...words });

const C_WORDS =
  "break case const continue default do else enum extern for goto if inline register return sizeof static struct switch typedef union volatile while";
const C_TYPES =
  "bool char double float int long short signed size_t ssize_t unsigned void wchar_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t uintptr_t ptrdiff_t FILE";
const C_VALUES = "true false NULL nullptr stdin stdout stderr";
const DIRECTIVE: Rule = ["meta", raw`^[ \t]*#[ \t]*\w+`];
const c = language(
  {
    keywords: `${C_WORDS} restrict _Atomic _Bool _Generic _Noreturn _Static_assert alignas alignof`,
    types: C_TYPES,
    values: C_VALUES,
  },
  SLASHES,
  QUOTED,
  DIRECTIVE,
);
const cpp = language(
  {
    keywords: `${C_WORDS} alignas alignof and asm auto catch class co_await co_return co_yield concept consteval constexpr constinit const_cast decltype delete dynamic_cast explicit export final friend import module mutable namespace new noexcept not operator or override private protected public reinterpret_cast requires static_assert static_cast template this thread_local throw try typeid typename using virtual`,
    types: `${C_TYPES} string string_view vector map set unordered_map unordered_set pair tuple optional variant unique_ptr shared_ptr char8_t char16_t char32_t`,
    values: C_VALUES,
  },
  SLASHES,
  raw`R"\([^]*?(?:\)"|${END})|${QUOTED}`,
  DIRECTIVE,
);
const csharp = language(
  {
    keywords:
      "abstract add as async await base break case catch checked class const continue default delegate do else enum event explicit extern finally fixed for foreach from get global goto group if implicit in init interface internal into is join let lock nameof namespace new operator orderby out override params partial private protected public readonly record ref remove required return sealed select set sizeof stackalloc static struct switch this throw try typeof unchecked unsafe using var virtual void volatile when where while with yield",
    types:
      "bool byte char decimal double dynamic float int long nint nuint object sbyte short string uint ulong ushort",
    values: "true false null",
  },
  SLASHES,
  raw`\$?@"(?:""|[^"])*"?|${THREE_DOUBLE}|${QUOTED}`,
  DIRECTIVE,
);
const go = language(
  {
    keywords:
      "break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var",
    types:
      "any bool byte comparable complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string uint uint8 uint16 uint32 uint64 uintptr",
    values: "true false nil iota",
  },
  SLASHES,
  `${"`[^`]*`?"}|${QUOTED}`,
);
const java = language(
  {
    keywords:
      "abstract assert break case catch class const continue default do else enum exports extends final finally for goto if implements import instanceof interface module native new non-sealed open opens package permits private protected provides public record requires return sealed static strictfp super switch synchronized this throw throws transient try uses var volatile when while with yield",
    types: "boolean byte char double float int long short void",
    values: "true false null",
  },
  SLASHES,
  `${THREE_DOUBLE}|${QUOTED}`,
  ["meta", ANNOTATION],
);
const SCRIPT_WORDS =
  "as async await break case catch class const continue debugger default delete do else export extends finally for from function get if import in instanceof let new of return set static super switch this throw try typeof var void while with yield";
const SCRIPT_VALUES = "true false null undefined NaN Infinity";
const SCRIPT_TYPES = "console window document globalThis process module require exports arguments";
const SCRIPT_RULES: Rule[] = [
  ["comment", SLASHES],
  ["string", `${TEMPLATE}|${QUOTED}|${REGEXP}`],
  ["meta", ANNOTATION],
  number,
  word,
];
const javascript = grammar(SCRIPT_RULES, {
  keywords: SCRIPT_WORDS,
  types: SCRIPT_TYPES,
  values: SCRIPT_VALUES,
  calls: true,
});
const typescript = grammar(SCRIPT_RULES, {
  keywords: `${SCRIPT_WORDS} abstract asserts declare enum implements infer interface is keyof namespace override private protected public readonly satisfies type unique`,
  types: `${SCRIPT_TYPES} any bigint boolean never number object string symbol unknown`,
  values: SCRIPT_VALUES,
  calls: true,
});
const kotlin = language(
  {
    keywords:
      "abstract actual annotation as break by catch class companion const constructor continue crossinline data do else enum expect external final finally for fun get if import in infix init inline inner interface internal is lateinit noinline object open operator out override package private protected public reified return sealed set super suspend tailrec this throw try typealias val value var vararg when where while",
    values: "true false null",
  },
  SLASHES,
  `${THREE_DOUBLE}|${QUOTED}`,
  ["meta", ANNOTATION],
);
const php = language(
  {
    keywords:
      "abstract and array as break callable case catch class clone const continue declare default die do echo else elseif empty enum exit extends final finally fn for foreach function global goto if implements include include_once instanceof insteadof interface isset list match namespace new or print private protected public readonly require require_once return static switch throw trait try unset use var while xor yield",
    types: "bool float int iterable mixed never object self string void parent",
    values: "true false null",
    folds: true,
  },
  raw`//.*|#(?!\[).*|${BLOCK}`,
  `${LONG_DOUBLE}|${raw`'(?:\\[^]|[^'\\])*'?`}`,
  ["meta", raw`<\?(?:php|=)?|\?>|#\[.*`],
  ["type", raw`\$\w+`],
);
const rust = language(
  {
    keywords:
      "as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return self static struct super trait type union unsafe use where while",
    types: "Self bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize",
    values: "true false",
  },
  SLASHES,
  raw`\bb?r"[^"]*"?|\bb?r#"[^]*?(?:"#|${END})|${LONG_DOUBLE}|'(?:\\[^\n][^'\n]*|[^'\\\n]{1,2})'`,
  ["meta", raw`#!?\[[^\]\n]*\]?`],
  ["title", raw`[A-Za-z_]\w*!(?=[ ]?[([{])`],
  ["type", raw`'[a-z_]\w*\b(?!')`],
);
const swift = language(
  {
    keywords:
      "actor any as associatedtype async await break case catch class continue convenience default defer deinit didSet do dynamic else enum extension fallthrough fileprivate final for func get guard if import in indirect infix init inout internal is isolated lazy let mutating nonisolated nonmutating open operator optional override postfix precedencegroup prefix private protocol public repeat required rethrows return self set some static struct subscript super switch throw throws try typealias unowned var weak where while willSet",
    values: "true false nil",
  },
  SLASHES,
  `${THREE_DOUBLE}|${DOUBLE}`,
  ["meta", raw`[@#]\w+`],
);
const python = language(
  {
    keywords:
      "and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield",
    types:
      "self cls int float complex str bytes bool list tuple dict set frozenset object type super property staticmethod classmethod",
    values: "True False None Ellipsis NotImplemented",
  },
  "#.*",
  `(?:\\b[bBfFrRuU]{1,2})?(?:${THREE_DOUBLE}|${THREE_SINGLE}|${QUOTED})`,
  ["meta", `^[ \\t]*${ANNOTATION}`],
);
const ruby = language(
  {
    keywords:
      "BEGIN END alias and attr_accessor attr_reader attr_writer begin break case class def defined do else elsif end ensure extend for if in include loop module next not or prepend private protected public raise redo require require_relative rescue retry return self super then undef unless until when while yield",
    values: "true false nil __FILE__ __LINE__",
  },
  raw`#.*|^=begin[^]*?(?:^=end.*|${END})`,
  `${LONG_DOUBLE}|${raw`'(?:\\[^]|[^'\\])*'?`}|${"`[^`\\n]*`?"}|${REGEXP}`,
  ["type", raw`@{1,2}\w+|\$\w+`],
  ["number", raw`:[A-Za-z_]\w*[?!]?|\b[a-z_]\w*:(?!:)`],
);
const bash = grammar(
  [
    ["type", raw`\$(?:\w+|\{[^}\n]*\}?|[#?*@$!-])`],
    ["comment", raw`(?<=^|[\s;])#.*`],
    ["string", `${LONG_DOUBLE}|${LONG_SINGLE}`],
    ["title", raw`\b\w+(?=[ ]?\(\))|^[ \t]*\w+(?==)`],
    ["number", raw`(?<=^|[\s=])\d+(?![\w./-])`],
    ["word", raw`[\w./-][\w./#:@%+-]*`],
  ],
  {
    keywords: "case coproc do done elif else esac fi for function if in select then time until while",
    types:
      "alias bg cd command declare echo eval exec exit export fg getopts hash jobs kill local logout popd printf pushd pwd read readonly return set shift shopt source sudo test trap type ulimit umask unalias unset wait",
    values: "true false",
  },
);
/** What was typed behind a prompt is a command, the rest is what it printed. */
const shell = grammar([
  [
    grammar([
      ["meta", raw`${START}[^$#%>\n]*[$#%>] `],
      [bash, ".+"],
    ]),
    raw`^[^$#%>\n]{0,60}[$#%>] .*`,
  ],
]);
const sql = grammar(
  [
    ["comment", `--.*|${BLOCK}`],
    ["string", "'(?:''|[^'])*'?"],
    ["title", raw`"[^"\n]*"?|${"`[^`\\n]*`?"}`],
    number,
    word,
  ],
  {
    keywords:
      "add all alter analyze and any as asc begin between by cascade case check collate column commit conflict constraint create cross cube current database default deferrable delete desc distinct do drop else end escape except exists explain fetch filter first for foreign from full function grant group having if ignore ilike in index inner insert intersect interval into is join key last lateral left like limit materialized natural no not nothing nulls of offset on only or order outer over partition primary procedure recursive references rename replace restrict returning returns revoke right rollback rollup row rows savepoint schema select sequence set similar some start table temp temporary then to transaction trigger truncate union unique update using vacuum values view when where window with without",
    types:
      "array bigint binary bit blob bool boolean bytea char character date datetime decimal double enum float inet int integer json jsonb numeric nvarchar precision real serial bigserial smallint text time timestamp timestamptz timezone tinyint uuid varbinary varchar varying zone",
    values: "true false null",
    calls: true,
    folds: true,
  },
);
const css = grammar([
  ["comment", raw`${BLOCK}|^[ \t]*//.*`],
  ["string", QUOTED],
  ["keyword", raw`@[\w-]+|!important\b|::?[a-z][\w-]*(?=[^;{}\n]*[{,])`],
  ["type", raw`--[\w-]+|\$[\w-]+|\.[A-Za-z_][\w-]*`],
  ["title", raw`[a-z][\w-]*(?=[ \t]*:(?!:)[^{};\n]*[;}])`],
  ["number", raw`#[\da-fA-F]{3,8}\b(?=[^{}\n]*[;}])|-?(?:\b\d+(?:\.\d+)?|\.\d+)(?:[a-z]+\b|%)?`],
  [
    "keyword",
    raw`\b(?:a|article|aside|body|button|code|div|footer|form|h[1-6]|head|header|html|img|input|label|li|main|nav|ol|p|pre|section|select|span|svg|table|tbody|td|textarea|th|thead|tr|ul|video)\b(?=[^;}\n]*[{,])`,
  ],
  ["word", raw`[\w-]+`],
]);
const TAG = raw`</?[A-Za-z](?:"[^"]*"|'[^']*'|[^"'>])*>?`;
const tag = grammar([
  ["keyword", raw`</?[\w:.-]+|/?>`],
  ["string", "\"[^\"]*\"?|'[^']*'?"],
  ["title", raw`[\w:@.-]+`],
]);
/** The start of an element and what is in it, which is in another language. */
const holding = (name: string, what: Grammar): Rule => [
  grammar([
    [tag, raw`${START}<${name}\b[^>]*>`],
    [what, "[^]+"],
  ]),
  raw`<${name}\b[^>]*>[^]*?(?=</${name}|${END})`,
];
const xml = grammar([
  ["comment", raw`<!--[^]*?(?:-->|${END})`],
  ["string", raw`<!\[CDATA\[[^]*?(?:\]\]>|${END})`],
  ["meta", raw`<[!?][^>]*>?`],
  holding("script", javascript),
  holding("style", css),
  [tag, TAG],
  ["number", raw`&#?\w+;`],
]);
const json = grammar(
  [
    ["comment", SLASHES],
    ["title", raw`"(?:\\.|[^"\\\n])*"(?=[ \t]*:)`],
    ["string", QUOTED],
    ["number", `-?${NUMBER}`],
    word,
  ],
  { values: "true false null" },
);
const yaml = grammar(
  [
    ["meta", raw`^(?:---|\.\.\.)(?=\s|$)`],
    ["comment", raw`(?:^|[ \t])#.*`],
    ["title", raw`^[ \t]*(?:- +)*(?:"[^"\n]*"|'[^'\n]*'|[^\s#:"'&*![{-][^:\n#]*)(?=:(?:\s|$))`],
    ["string", QUOTED],
    ["type", raw`(?<=[\s[{,])[&*!][\w./!-]+`],
    ["number", raw`(?<=[\s[,])-?\d+(?:\.\d+)?(?=[\s,\]}]|$)`],
    ["word", raw`[\w.$/\u0080-\uffff-]+`],
  ],
  { values: "true false null yes no on off", folds: true },
);
const ini = grammar(
  [
    ["keyword", raw`^[ \t]*\[.*\]`],
    ["comment", raw`(?:^|[ \t])[#;].*`],
    ["title", raw`^[^=\n#;["']+(?==)|^[ \t]*"[^"\n]*"(?=[ \t]*=)`],
    ["string", `${THREE_DOUBLE}|${QUOTED}`],
    number,
    word,
  ],
  { values: "true false yes no on off" },
);
const markdown = grammar([
  ["keyword", "^#{1,6} .*"],
  ["string", `^\`\`\`[^]*?(?:^\`\`\`|${END})|\`[^\`\\n]+\``],
  ["comment", "^[ \\t]*>.*|<!--[^]*?(?:-->|(?![^]))"],
  ["number", raw`^[ \t]*(?:[-*+]|\d+[.)])(?= )`],
  ["type", raw`\*\*[^*\n]+\*\*|__[^_\n]+__`],
  ["title", raw`!?\[[^\]\n]*\]\([^)\n]*\)`],
]);
const diff = grammar([
  ["meta", raw`^(?:---|\+\+\+|@@|diff |index |Index: ).*`],
  ["addition", raw`^\+.*`],
  ["deletion", "^-.*"],
]);

const LANGUAGES: readonly (readonly [names: string, Grammar])[] = [
  ["bash sh zsh", bash],
  ["c h", c],
  ["cpp c++ cc cxx hpp hh hxx h++", cpp],
  ["csharp cs c#", csharp],
  ["css scss less", css],
  ["diff patch", diff],
  ["go golang", go],
  ["ini toml", ini],
  ["java", java],
  ["javascript js jsx mjs cjs", javascript],
  ["json jsonc json5", json],
  ["kotlin kt kts", kotlin],
  ["markdown md", markdown],
  ["php", php],
  ["python py", python],
  ["ruby rb", ruby],
  ["rust rs", rust],
  ["shell console shellsession", shell],
  ["sql", sql],
  ["swift", swift],
  ["typescript ts tsx mts cts", typescript],
  ["xml html xhtml svg rss atom plist vue", xml],
  ["yaml yml", yaml],
];
const grammars = new Map(LANGUAGES.flatMap(([names, found]) => names.split(" ").map((name) => [name, found] as const)));

export const grammarOf = (name: string): Grammar | undefined => grammars.get(name);
