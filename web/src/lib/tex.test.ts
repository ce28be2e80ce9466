import { expect, test } from "vitest";
import { growth } from "./growth.ts";
import { CASES, forAll, type Hostile } from "./hostile.ts";
import { MAX_FORMULA, type MathNode, parseTex } from "./tex.ts";

/** MathML without the attributes. */
function written(node: MathNode | undefined): string | undefined {
  if (node === undefined) return undefined;
  const inner = typeof node.children === "string" ? node.children : node.children.map(written).join("");
  return `<${node.tag}>${inner}</${node.tag}>`;
}
const mathml = (source: string) => written(parseTex(source));

test.each([
  ["x", "<mi>x</mi>"],
  ["3.14", "<mn>3.14</mn>"],
  ["a^2+b_1", "<mrow><msup><mi>a</mi><mn>2</mn></msup><mo>+</mo><msub><mi>b</mi><mn>1</mn></msub></mrow>"],
  ["x_i^{2}", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"],
  ["x^10", "<mrow><msup><mi>x</mi><mn>1</mn></msup><mn>0</mn></mrow>"],
  ["f'(x)", "<mrow><msup><mi>f</mi><mo>′</mo></msup><mo>(</mo><mi>x</mi><mo>)</mo></mrow>"],
  [String.raw`\frac12`, "<mfrac><mn>1</mn><mn>2</mn></mfrac>"],
  [String.raw`\frac{-b}{2a}`, "<mfrac><mrow><mo>−</mo><mi>b</mi></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac>"],
  [String.raw`\sqrt[3]{x}`, "<mroot><mi>x</mi><mn>3</mn></mroot>"],
  [String.raw`\sum_{i}^n i`, "<mrow><munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>i</mi></mrow>"],
  [String.raw`\int_0^1`, "<msubsup><mo>∫</mo><mn>0</mn><mn>1</mn></msubsup>"],
  [String.raw`\sin x`, "<mrow><mi>sin</mi><mspace></mspace><mi>x</mi></mrow>"],
  [String.raw`\mathbb{R}`, "<mi>ℝ</mi>"],
  [String.raw`\mathbf x`, "<mi>𝐱</mi>"],
  [String.raw`\text{for all } x`, "<mrow><mtext>for all\u00a0</mtext><mi>x</mi></mrow>"],
  [String.raw`\vec{v}`, "<mover><mi>v</mi><mo>→</mo></mover>"],
  [String.raw`\not=`, "<mo>≠</mo>"],
  [String.raw`\left( x \right]`, "<mrow><mo>(</mo><mrow><mi>x</mi></mrow><mo>]</mo></mrow>"],
  ["a \\over b", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"],
  ["速度", "<mrow><mtext>速</mtext><mtext>度</mtext></mrow>"],
])("%s", (source, expected) => {
  expect(mathml(source)).toBe(expected);
});

test("lines and matrices are tables", () => {
  const cells =
    "<mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mi>c</mi></mtd><mtd><mi>d</mi></mtd></mtr>";
  const matrix = String.raw`\begin{pmatrix} a & b \\ c & d \\ \end{pmatrix}`;
  expect(mathml(matrix)).toBe(`<mrow><mo>(</mo><mtable>${cells}</mtable><mo>)</mo></mrow>`);
  expect(mathml(String.raw`a & b \\[2pt] c & d`)).toBe(`<mtable>${cells}</mtable>`);
  const cases = parseTex(String.raw`\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}`);
  expect(JSON.stringify(cases)).toContain("maths__left");
});

test.each([
  "",
  " ",
  "{x",
  "x}",
  "x^2^3",
  "x_",
  String.raw`\frac{1}`,
  String.raw`\left( x`,
  String.raw`\unknown`,
  String.raw`\constructor \toString`,
  String.raw`\def\a{\a\a}\a`,
  String.raw`\href{javascript:alert(1)}{x}`,
  String.raw`\begin{matrix} a \end{pmatrix}`,
  String.raw`\begin{__proto__} a \end{__proto__}`,
  "a $ b",
])("%s is not understood", (source) => {
  expect(parseTex(source)).toBeUndefined();
});

test("what is too deep or too long is not understood either", () => {
  for (const source of [
    `${"{".repeat(100)}${"}".repeat(100)}`,
    `${"\\sqrt".repeat(500)}x`,
    "x".repeat(MAX_FORMULA + 1),
  ])
    expect(parseTex(source)).toBeUndefined();
});

const PIECES = [
  ..."{ } ^ _ & ' $ [ ] ( ) 1 2 x y ~ | < > % # .".split(" "),
  ..."\\\\ \\frac \\sqrt \\left \\right \\middle \\begin{matrix} \\end{matrix} \\begin \\end \\text{a} \\text{".split(
    " ",
  ),
  ..."\\sum \\limits \\over \\not \\hat \\big( \\mathbf \\mathbb{R} \\alpha \\sin \\operatorname* \\displaystyle".split(
    " ",
  ),
  ..."\\{ \\, \\% \\\\[2pt] \\overbrace \\binom".split(" "),
  " ",
  "日",
  "😀",
  "\u0301",
  "\ud800",
  "\0",
  "<script>",
  '"><img src=x onerror=x>',
];
const TAGS =
  /^(?:mi|mn|mo|mtext|mspace|mrow|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mtable|mtr|mtd|mstyle|mphantom|menclose)$/;
const ATTRIBUTES =
  /^(?:mathvariant|form|stretchy|fence|symmetric|minsize|maxsize|lspace|rspace|movablelimits|accent|accentunder|linethickness|displaystyle|scriptlevel|width|class)$/;

/** How many nodes there are, after each was looked at. */
function checked({ tag, attributes = {}, children }: MathNode, source: string): number {
  expect(tag).toMatch(TAGS);
  for (const [name, value] of Object.entries(attributes)) {
    expect(name).toMatch(ATTRIBUTES);
    expect(value).toMatch(/^[\w.\s-]*$/);
  }
  if (typeof children === "string") return 1;
  return children.reduce((sum, child) => sum + checked(child, source), 1);
}

test("whatever is written becomes few elements of MathML, or none", () => {
  let understood = 0;
  forAll((hostile: Hostile) => {
    const source = hostile.text(PIECES, hostile.below(30));
    const tree = parseTex(source);
    if (tree === undefined) return;
    understood++;
    expect(checked(tree, source)).toBeLessThan(20 + 8 * source.length);
  });
  expect(understood).toBeGreaterThan(10);
});

test("a formula takes as long as it is", () => {
  forAll(
    (hostile) => {
      const piece = hostile.text(PIECES, 3) || "x";
      const text = (length: number) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length / 16);
      const often = (source: string) => {
        for (let time = 0; time < 4; time++) parseTex(source.slice(0, MAX_FORMULA));
      };
      expect(growth(text, often), JSON.stringify(piece)).toBeLessThan(20);
    },
    Math.ceil(CASES / 64),
  );
});
