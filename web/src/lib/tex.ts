/**
 * Formulas in TeX as MathML, which browsers draw. It knows what people write in a chat: no macros, nothing that defines
 * anything. A formula with anything else in it is not understood as a whole: its source says more than half of it.
 */
import {
  ACCENTS,
  BELOW,
  DELIMITERS,
  FUNCTIONS,
  inStyle,
  INTEGRALS,
  LARGE,
  LETTERS,
  LIMITS,
  OPERATORS,
  SPACES,
  STRETCHED,
  STYLES,
} from "./texsymbols.ts";

/** An element of MathML; one with text has no children. */
export interface MathNode {
  tag: string;
  attributes?: Readonly<Record<string, string>>;
  children: readonly MathNode[] | string;
}

/** Characters of a formula; a longer one is not read. */
export const MAX_FORMULA = 4_000;
const MAX_DEPTH = 40;

/** The formula, or nothing where it is not understood. Takes as long as the source is. */
export function parseTex(source: string): MathNode | undefined {
  if (source.length > MAX_FORMULA || source.trim() === "") return undefined;
  try {
    return new Parser(source).whole();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class NotUnderstood extends Error {}

interface Token {
  /** A command has its name without the backslash. */
  kind: "command" | "character" | "space" | "end";
  text: string;
  /** Where it begins in the source. */
  at: number;
}

/** What a row is made of, before its scripts. */
interface Atom {
  node: MathNode;
  /** Scripts stand below and above it. */
  limits?: boolean;
  /** A name that wants some room after it. */
  name?: boolean;
}

type Side = "left" | "right" | "centre";

interface Environment {
  open?: string;
  close?: string;
  /** The sides of its columns, again from the start after the last. */
  sides?: readonly Side[];
  display?: boolean;
  small?: boolean;
}

const ALIGNED: Environment = { sides: ["right", "left"], display: true };
const GATHERED: Environment = { display: true };
const ENVIRONMENTS: ReadonlyMap<string, Environment> = new Map(
  Object.entries({
    matrix: {},
    pmatrix: { open: "(", close: ")" },
    bmatrix: { open: "[", close: "]" },
    Bmatrix: { open: "{", close: "}" },
    vmatrix: { open: "|", close: "|" },
    Vmatrix: { open: "‖", close: "‖" },
    smallmatrix: { small: true },
    array: {},
    cases: { open: "{", sides: ["left"] },
    rcases: { close: "}", sides: ["left"] },
    aligned: ALIGNED,
    align: ALIGNED,
    split: ALIGNED,
    eqnarray: ALIGNED,
    gathered: GATHERED,
    gather: GATHERED,
    equation: GATHERED,
  }),
);

const DISPLAY: Readonly<Record<string, string>> = { d: "true", t: "false" };
const BIG: Readonly<Record<string, string>> = { big: "1.2em", Big: "1.8em", bigg: "2.4em", Bigg: "3em" };
const SIZES: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ["displaystyle", { displaystyle: "true", scriptlevel: "0" }],
  ["textstyle", { displaystyle: "false", scriptlevel: "0" }],
  ["scriptstyle", { displaystyle: "false", scriptlevel: "1" }],
  ["scriptscriptstyle", { displaystyle: "false", scriptlevel: "2" }],
]);
const TEXTS = new Set("text mbox textrm textnormal textbf textit texttt textsf hbox".split(" "));
const NO_SPACE = { lspace: "0", rspace: "0" };

const node = (tag: string, children: MathNode["children"], attributes?: MathNode["attributes"]): MathNode =>
  attributes === undefined ? { tag, children } : { tag, attributes, children };
const row = (children: readonly MathNode[]): MathNode =>
  children.length === 1 && children[0] !== undefined ? children[0] : node("mrow", children);
const operator = (text: string, attributes?: MathNode["attributes"]) => node("mo", text, attributes);
const space = (width: number) => node("mspace", [], { width: `${width.toFixed(4)}em` });

class Parser {
  private readonly tokens: readonly Token[];
  private next = 0;
  private depth = 0;
  private style = "normal";

  constructor(private readonly source: string) {
    this.tokens = [...tokensOf(source)];
  }

  whole(): MathNode {
    const nodes = this.row();
    if (this.token.kind === "end") return row(nodes);
    if (!this.isAt("&") && !this.isAtCommand("\\")) throw new NotUnderstood();
    // Several lines without an environment are those of one.
    this.next = 0;
    return this.table(ALIGNED, () => this.token.kind === "end");
  }

  private get token(): Token {
    return this.tokens[this.next] ?? { kind: "end", text: "", at: this.source.length };
  }

  private isAt(character: string): boolean {
    return this.token.kind === "character" && this.token.text === character;
  }

  private isAtCommand(name: string): boolean {
    return this.token.kind === "command" && this.token.text === name;
  }

  private skipSpace(): void {
    while (this.token.kind === "space") this.next++;
  }

  private expect(character: string): void {
    this.skipSpace();
    if (!this.isAt(character)) throw new NotUnderstood();
    this.next++;
  }

  private deeper<T>(parse: () => T): T {
    if (++this.depth > MAX_DEPTH) throw new NotUnderstood();
    const result = parse();
    this.depth--;
    return result;
  }

  private inStyle<T>(style: string, parse: () => T): T {
    const before = this.style;
    this.style = style;
    const result = parse();
    this.style = before;
    return result;
  }

  /** Up to what closes it, which is left. `bracket` says that this may be `]`. */
  private row(bracket = false): MathNode[] {
    return this.deeper(() => {
      const nodes: MathNode[] = [];
      for (;;) {
        this.skipSpace();
        if (this.closes(bracket)) return nodes;
        const { kind, text } = this.token;
        const rest = kind === "command" ? this.restOfRow(text, nodes, bracket) : undefined;
        if (rest !== undefined) return rest;
        const atom = this.atom(nodes.at(-1));
        nodes.push(this.scripts(atom));
        this.skipSpace();
        if (atom.name === true && /^[\p{L}\p{N}\\]/u.test(this.source.slice(this.token.at, this.token.at + 2)))
          nodes.push(space(1 / 6));
      }
    });
  }

  private closes(bracket: boolean): boolean {
    const { kind, text } = this.token;
    if (kind === "end") return true;
    if (kind === "character") return text === "}" || text === "&" || (bracket && text === "]");
    return kind === "command" && /^(?:\\|cr|end|right|middle)$/.test(text);
  }

  /** Commands that say something of all that is before or after them. */
  private restOfRow(name: string, before: MathNode[], bracket: boolean): MathNode[] | undefined {
    const size = SIZES.get(name);
    if (size !== undefined) {
      this.next++;
      return [...before, node("mstyle", this.row(bracket), size)];
    }
    if (name !== "over" && name !== "choose") return undefined;
    this.next++;
    const below = row(this.row(bracket));
    return name === "over" ? [node("mfrac", [row(before), below])] : [binomial(row(before), below)];
  }

  private scripts({ node: base, limits: below = false }: Atom): MathNode {
    let limits = below;
    let sub: MathNode | undefined;
    let sup: MathNode | undefined;
    let primes = "";
    for (;;) {
      this.skipSpace();
      const { kind, text } = this.token;
      if (kind === "command" && (text === "limits" || text === "nolimits")) {
        this.next++;
        limits = text === "limits";
      } else if (kind === "character" && text === "'") {
        this.next++;
        primes += "′";
      } else if (kind === "character" && text === "_" && sub === undefined) {
        this.next++;
        sub = this.argument();
      } else if (kind === "character" && text === "^" && sup === undefined) {
        this.next++;
        sup = this.argument();
      } else if (kind === "character" && (text === "_" || text === "^")) {
        throw new NotUnderstood();
      } else break;
    }
    if (primes !== "") sup = row([operator(primes, NO_SPACE), ...(sup === undefined ? [] : [sup])]);
    if (sub !== undefined && sup !== undefined) return node(limits ? "munderover" : "msubsup", [base, sub, sup]);
    if (sub !== undefined) return node(limits ? "munder" : "msub", [base, sub]);
    return sup === undefined ? base : node(limits ? "mover" : "msup", [base, sup]);
  }

  /** A group, or the one thing that comes next. */
  private argument(): MathNode {
    return this.deeper(() => {
      this.skipSpace();
      if (this.isAt("{")) return this.group();
      if (this.closes(false)) throw new NotUnderstood();
      const { kind, text } = this.token;
      if (kind !== "character" || !/[0-9]/.test(text)) return this.atom().node;
      // Of a number without braces only the first digit is meant.
      this.next++;
      return node("mn", inStyle(text, this.style));
    });
  }

  private group(): MathNode {
    this.expect("{");
    const nodes = this.row();
    this.expect("}");
    return row(nodes);
  }

  private atom(before?: MathNode): Atom {
    const { kind, text } = this.token;
    if (kind === "command") {
      this.next++;
      return this.command(text);
    }
    if (text === "{") return { node: this.group() };
    // Scripts of nothing stand after what is before them.
    if (text === "^" || text === "_") return { node: node("mrow", []) };
    this.next++;
    if (/[0-9]/.test(text)) return { node: this.number(text) };
    if (text === "'") return { node: operator("′", NO_SPACE) };
    return { node: this.character(text, before) };
  }

  private number(first: string): MathNode {
    let digits = first;
    // A point belongs to it where a digit follows.
    while (this.token.kind === "character" && /[0-9.]/.test(this.token.text)) {
      if (this.token.text === "." && !/[0-9]/.test(this.tokens[this.next + 1]?.text ?? "")) break;
      digits += this.token.text;
      this.next++;
    }
    return node("mn", [...digits].map((digit) => inStyle(digit, this.style)).join(""));
  }

  private character(text: string, before: MathNode | undefined): MathNode {
    if (text === "$" || text === "#" || text === "\\") throw new NotUnderstood();
    if (/[A-Za-zΑ-Ωα-ω]/.test(text)) return this.letter(text);
    if (/[\p{L}\p{M}\p{N}]/u.test(text)) return node("mtext", text);
    if (text === "-" || text === "+") {
      const sign = text === "-" ? "−" : "+";
      const prefix = before === undefined || (before.tag === "mo" && before.attributes?.form !== "postfix");
      return operator(sign, prefix ? { form: "prefix", ...NO_SPACE } : undefined);
    }
    if (text === "*") return operator("∗");
    if (text === "~") return space(1 / 3);
    if ("([".includes(text)) return operator(text, { form: "prefix", stretchy: "false" });
    if (")]".includes(text)) return operator(text, { form: "postfix", stretchy: "false" });
    if ('/|."@?`'.includes(text)) return operator(text, { ...NO_SPACE, stretchy: "false" });
    return operator(text);
  }

  private letter(text: string): MathNode {
    if (this.style === "upright") return node("mi", text, { mathvariant: "normal" });
    return node("mi", inStyle(text, this.style));
  }

  private command(name: string): Atom {
    const letter = LETTERS.get(name);
    if (letter !== undefined) {
      const upright = this.style === "normal" && /^[A-Z]/.test(name);
      return { node: upright ? node("mi", letter, { mathvariant: "normal" }) : this.letter(letter) };
    }
    const sign = OPERATORS.get(name);
    if (sign !== undefined) return { node: operator(sign, /arrow$/.test(name) ? { stretchy: "false" } : undefined) };
    const large = LARGE.get(name);
    if (large !== undefined) return { node: operator(large, { movablelimits: "true" }), limits: true };
    const integral = INTEGRALS.get(name);
    if (integral !== undefined) return { node: operator(integral) };
    if (FUNCTIONS.has(name)) return { node: node("mi", name, { mathvariant: "normal" }), name: true };
    const limit = LIMITS.get(name);
    if (limit !== undefined) return { node: operator(limit, { movablelimits: "true" }), limits: true, name: true };
    const width = SPACES.get(name);
    if (width !== undefined) return { node: space(width) };
    const style = STYLES.get(name);
    if (style !== undefined) return { node: this.inStyle(style, () => this.argument()) };
    return this.marked(name) ?? this.built(name);
  }

  /** What carries a mark above or below. */
  private marked(name: string): Atom | undefined {
    const accent = ACCENTS.get(name);
    if (accent !== undefined)
      return { node: node("mover", [this.argument(), operator(accent, { stretchy: "false" })], { accent: "true" }) };
    const stretched = STRETCHED.get(name);
    if (stretched !== undefined) {
      const mark = operator(stretched, { stretchy: "true" });
      return { node: node("mover", [this.argument(), mark], { accent: "true" }), limits: name === "overbrace" };
    }
    const below = BELOW.get(name);
    if (below === undefined) return undefined;
    const mark = operator(below, { stretchy: "true" });
    return { node: node("munder", [this.argument(), mark], { accentunder: "true" }), limits: name === "underbrace" };
  }

  private built(name: string): Atom {
    const [fraction, display = "", kind] = /^([dt]?)(frac|binom)$/.exec(name) ?? [];
    if (fraction !== undefined) {
      const [above, below] = [this.argument(), this.argument()];
      return {
        node: sized(kind === "frac" ? node("mfrac", [above, below]) : binomial(above, below), DISPLAY[display]),
      };
    }
    if (TEXTS.has(name)) return { node: node("mtext", this.plain()) };
    const [, size, place] = /^(bigg?|Bigg?)([lrm]?)$/.exec(name) ?? [];
    if (size !== undefined) return { node: this.bigDelimiter(BIG[size] ?? "", place ?? "") };
    switch (name) {
      case "sqrt":
        return { node: this.root() };
      case "left":
        return { node: this.fenced() };
      case "begin":
        return { node: this.environment() };
      case "not":
        return { node: negated(this.argument()) };
      case "overset":
      case "stackrel": {
        const above = this.argument();
        return { node: node("mover", [this.argument(), above]) };
      }
      case "underset": {
        const below = this.argument();
        return { node: node("munder", [this.argument(), below]) };
      }
      case "operatorname":
        return this.operatorName();
      case "bmod":
        return { node: operator("mod") };
      case "pmod":
        return {
          node: row([space(1), operator("("), node("mi", "mod"), space(1 / 3), this.argument(), operator(")")]),
        };
      case "phantom":
        return { node: node("mphantom", [this.argument()]) };
      case "boxed":
        return { node: node("menclose", [this.argument()], { class: "maths__box" }) };
      default: {
        const delimiter = DELIMITERS.get(name === "|" ? "Vert" : name);
        if (delimiter === undefined) throw new NotUnderstood();
        const opens = /^(?:l|\{)/.test(name);
        const closes = /^(?:r|\})/.test(name);
        const form = opens ? { form: "prefix" } : closes ? { form: "postfix" } : NO_SPACE;
        return { node: operator(delimiter, { ...form, stretchy: "false" }) };
      }
    }
  }

  private operatorName(): Atom {
    const limits = this.isAt("*");
    if (limits) this.next++;
    const name = this.plain();
    return limits
      ? { node: operator(name, { movablelimits: "true" }), limits, name: true }
      : { node: node("mi", name, { mathvariant: "normal" }), name: true };
  }

  /** The characters of a group as they are. */
  private plain(): string {
    this.expect("{");
    const start = this.token.at;
    for (let open = 1; ; this.next++) {
      const { kind, text } = this.token;
      if (kind === "end" || (kind === "character" && text === "$")) throw new NotUnderstood();
      if (kind !== "character") continue;
      if (text === "{") open++;
      else if (text === "}" && --open === 0) break;
    }
    const written = this.source.slice(start, this.token.at);
    this.next++;
    return written.replace(/\\([%#&_{}$ ])|[{}]/g, "$1").replace(/^\s+|\s+$/g, "\u00a0");
  }

  private root(): MathNode {
    this.skipSpace();
    if (!this.isAt("[")) return node("msqrt", [this.argument()]);
    this.next++;
    const index = row(this.row(true));
    this.expect("]");
    return node("mroot", [this.argument(), index]);
  }

  /** The sign after `\left` and the like; a point is none. */
  private delimiter(): string {
    this.skipSpace();
    const { kind, text } = this.token;
    this.next++;
    if (kind === "character" && text === ".") return "";
    const found = kind === "end" ? undefined : DELIMITERS.get(kind === "command" && text === "|" ? "Vert" : text);
    if (found === undefined) throw new NotUnderstood();
    return found;
  }

  private fenced(): MathNode {
    const fence = (form: string): MathNode[] => {
      const sign = this.delimiter();
      return sign === "" ? [] : [operator(sign, { form, fence: "true", stretchy: "true", symmetric: "true" })];
    };
    const nodes = fence("prefix");
    nodes.push(node("mrow", this.row()));
    while (this.isAtCommand("middle")) {
      this.next++;
      nodes.push(...fence("infix"), node("mrow", this.row()));
    }
    if (!this.isAtCommand("right")) throw new NotUnderstood();
    this.next++;
    nodes.push(...fence("postfix"));
    return node("mrow", nodes);
  }

  private bigDelimiter(size: string, place: string): MathNode {
    const form = { l: "prefix", r: "postfix", m: "infix" }[place] ?? "prefix";
    return operator(this.delimiter(), { form, stretchy: "true", symmetric: "true", minsize: size, maxsize: size });
  }

  private environment(): MathNode {
    const written = this.plain();
    const environment = ENVIRONMENTS.get(written.replace(/\*$/, ""));
    if (environment === undefined) throw new NotUnderstood();
    const sides = written === "array" ? sidesOf(this.plain()) : environment.sides;
    const { open, close } = environment;
    const rows = this.table({ ...environment, sides }, () => this.isAtCommand("end"));
    this.next++;
    if (this.plain() !== written) throw new NotUnderstood();
    if (open === undefined && close === undefined) return rows;
    const fence = (sign: string | undefined, form: string) =>
      sign === undefined ? [] : [operator(sign, { form, stretchy: "true", symmetric: "true" })];
    return node("mrow", [...fence(open, "prefix"), rows, ...fence(close, "postfix")]);
  }

  /** Lines of cells, up to where `ended` says. */
  private table({ sides = [], display = false, small = false }: Environment, ended: () => boolean): MathNode {
    const rows: MathNode[] = [];
    let cells: MathNode[] = [];
    for (;;) {
      const side = sides.length === 0 ? "centre" : sides[cells.length % sides.length];
      const content = this.row();
      cells.push(node("mtd", content, side === "centre" ? undefined : { class: `maths__${side}` }));
      const end = ended();
      const line = this.isAtCommand("\\") || this.isAtCommand("cr");
      if (!end && !line && !this.isAt("&")) throw new NotUnderstood();
      if (end || line) {
        // After the last line break comes nothing.
        if (!(end && cells.length === 1 && content.length === 0 && rows.length > 0)) rows.push(node("mtr", cells));
        cells = [];
      }
      if (end) break;
      this.next++;
      if (line) this.skipGap();
    }
    const attributes = { displaystyle: String(display), ...(small ? { scriptlevel: "1" } : {}) };
    return node("mtable", rows, sides.length > 1 ? { ...attributes, class: "maths__lines" } : attributes);
  }

  /** How far the next line is away, which the page decides: `\\[2pt]`. */
  private skipGap(): void {
    const found = /^\s*\[[-\d.\s]*(?:pt|em|ex|mm|cm)\]/.exec(this.source.slice(this.token.at, this.token.at + 20))?.[0];
    if (found === undefined) return;
    const end = this.token.at + found.length;
    while (this.token.kind !== "end" && this.token.at < end) this.next++;
  }
}

function* tokensOf(source: string): Generator<Token> {
  for (const { 0: text, index: at, 1: command } of source.matchAll(/\\([A-Za-z]+|.)|\s+|./gsu)) {
    // Lines between rows are left out.
    if (command === "hline" || command === "nonumber" || command === "notag") continue;
    if (command !== undefined) yield { kind: "command", text: command, at };
    else yield { kind: /^\s/.test(text) ? "space" : "character", text, at };
  }
}

function sidesOf(columns: string): Side[] {
  const sides = [...columns.matchAll(/[lcr]/g)].map(([letter]) =>
    letter === "l" ? "left" : letter === "r" ? "right" : "centre",
  );
  if (!/^[lcr|\s]*$/.test(columns)) throw new NotUnderstood();
  return sides;
}

function binomial(above: MathNode, below: MathNode): MathNode {
  const fraction = node("mfrac", [above, below], { linethickness: "0" });
  return node("mrow", [operator("(", { form: "prefix" }), fraction, operator(")", { form: "postfix" })]);
}

function sized(formula: MathNode, display: string | undefined): MathNode {
  return display === undefined ? formula : node("mstyle", [formula], { displaystyle: display, scriptlevel: "0" });
}

function negated({ tag, attributes, children }: MathNode): MathNode {
  if (typeof children !== "string") throw new NotUnderstood();
  return { tag, attributes, children: `${children}\u0338`.normalize("NFC") };
}
