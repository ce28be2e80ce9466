/** The commands of TeX that stand for a character, or for a word, and what they stand for. */

function table(source: string): ReadonlyMap<string, string> {
  const words = source.trim().split(/\s+/);
  return new Map(words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? ""] as const] : [])));
}

const words = (source: string): ReadonlySet<string> => new Set(source.trim().split(/\s+/));

/** Letters and what stands in their place. */
export const LETTERS = table(`
  alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ varkappa ϰ
  lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ
  chi χ psi ψ omega ω
  Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
  aleph ℵ beth ℶ gimel ℷ ell ℓ hbar ℏ hslash ℏ imath ı jmath ȷ Re ℜ Im ℑ wp ℘ partial ∂ infty ∞ nabla ∇ eth ð
  emptyset ∅ varnothing ∅ angle ∠ measuredangle ∡ triangle △ square □ Box □ blacksquare ■ Diamond ◇ lozenge ◊ star ⋆
  bigstar ★ clubsuit ♣ diamondsuit ♢ heartsuit ♡ spadesuit ♠ flat ♭ natural ♮ sharp ♯ degree ° prime ′ backprime ‵
  top ⊤ bot ⊥ ldots … dots … cdots ⋯ dotsc … dotsb ⋯ vdots ⋮ ddots ⋱ forall ∀ exists ∃ nexists ∄ neg ¬ lnot ¬
  complement ∁ dag † ddag ‡ S § P ¶ copyright © pounds £ yen ¥ checkmark ✓
  % % # # $ $ & & _ _ AA Å
`);

/** What stands between two things or before one. */
export const OPERATORS = table(`
  pm ± mp ∓ times × div ÷ cdot ⋅ ast ∗ circ ∘ bullet ∙ oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙ wedge ∧ land ∧
  vee ∨ lor ∨ cap ∩ cup ∪ sqcap ⊓ sqcup ⊔ uplus ⊎ setminus ∖ smallsetminus ∖ wr ≀ amalg ⨿ dagger † ddagger ‡
  ltimes ⋉ rtimes ⋊ diamond ⋄ bigcirc ◯ bigtriangleup △ bigtriangledown ▽ triangleleft ◁ triangleright ▷
  le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ ll ≪ gg ≫ lt < gt > leqslant ⩽ geqslant ⩾ lesssim ≲ gtrsim ≳ equiv ≡ sim ∼
  simeq ≃ approx ≈ cong ≅ doteq ≐ propto ∝ asymp ≍ prec ≺ succ ≻ preceq ⪯ succeq ⪰ models ⊨ vdash ⊢ dashv ⊣ vDash ⊨
  perp ⊥ parallel ∥ nparallel ∦ mid ∣ nmid ∤ in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊
  supsetneq ⊋ nsubseteq ⊈ sqsubseteq ⊑ sqsupseteq ⊒ bowtie ⋈ smile ⌣ frown ⌢ coloneqq ≔ triangleq ≜ because ∵
  therefore ∴ colon : vcentcolon :
  to → rightarrow → gets ← leftarrow ← leftrightarrow ↔ uparrow ↑ downarrow ↓ updownarrow ↕ Rightarrow ⇒ Leftarrow ⇐
  Leftrightarrow ⇔ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕ implies ⟹ impliedby ⟸ iff ⟺ mapsto ↦ longmapsto ⟼ longrightarrow ⟶
  longleftarrow ⟵ longleftrightarrow ⟷ Longrightarrow ⟹ Longleftarrow ⟸ Longleftrightarrow ⟺ hookrightarrow ↪
  hookleftarrow ↩ nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖ rightharpoonup ⇀ rightharpoondown ⇁ leftharpoonup ↼
  leftharpoondown ↽ rightleftharpoons ⇌ leadsto ⇝ rightsquigarrow ⇝ upharpoonright ↾ nrightarrow ↛ nRightarrow ⇏
`);

/** Large ones, whose limits stand below and above where there is room. */
export const LARGE = table(`
  sum ∑ prod ∏ coprod ∐ bigcap ⋂ bigcup ⋃ bigsqcup ⨆ bigvee ⋁ bigwedge ⋀ bigodot ⨀ bigoplus ⨁ bigotimes ⨂ biguplus ⨄
`);

/** Large ones, whose limits stand beside them. */
export const INTEGRALS = table("int ∫ iint ∬ iiint ∭ oint ∮ oiint ∯ smallint ∫");

export const FUNCTIONS = words(`
  sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth exp log ln lg arg deg dim hom ker
`);

/** Functions whose limits stand below them. */
export const LIMITS = table(`
  lim lim max max min min sup sup inf inf det det gcd gcd Pr Pr limsup lim\u00a0sup liminf lim\u00a0inf argmax arg\u00a0max
  argmin arg\u00a0min injlim inj\u00a0lim projlim proj\u00a0lim
`);

/** Also by what stands for itself: `(` and the like. */
export const DELIMITERS = table(`
  ( ( ) ) [ [ ] ] / / | | < ⟨ > ⟩ { { } } | | langle ⟨ rangle ⟩ lvert | rvert | vert | Vert ‖ lVert ‖ rVert ‖
  lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lbrace { rbrace } lbrack [ rbrack ] backslash \\ lgroup ⟮ rgroup ⟯ uparrow ↑
  downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓
`);

/** Marks above one letter or, if stretched, above several. */
export const ACCENTS = table(`
  hat ^ check ˇ tilde ~ acute ´ grave \` breve ˘ bar ¯ vec → dot ˙ ddot ¨ dddot ⃛ mathring ˚
`);
export const STRETCHED = table(`
  widehat ^ widetilde ~ overline ¯ overrightarrow → overleftarrow ← overleftrightarrow ↔ overbrace ⏞ overparen ⏜
`);
export const BELOW = table("underline _ underbrace ⏟ underparen ⏝ underrightarrow → underleftarrow ←");

/** Widths of spaces, in `em`. */
export const SPACES: ReadonlyMap<string, number> = new Map([
  [",", 1 / 6],
  ["thinspace", 1 / 6],
  [":", 2 / 9],
  [">", 2 / 9],
  ["medspace", 2 / 9],
  [";", 5 / 18],
  ["thickspace", 5 / 18],
  ["!", -1 / 6],
  ["negthinspace", -1 / 6],
  [" ", 1 / 3],
  ["~", 1 / 3],
  ["enspace", 1 / 2],
  ["quad", 1],
  ["qquad", 2],
]);

/** Where the alphabets of a style begin in Unicode: capitals, small letters, digits, capitals and small letters in Greek. */
interface Alphabet {
  capitals: number;
  small: number;
  digits?: number;
  greek?: readonly [number, number];
  /** Letters that Unicode had before it had the rest. */
  apart?: string;
}

const ALPHABETS: Readonly<Record<string, Alphabet | undefined>> = {
  bold: { capitals: 0x1d400, small: 0x1d41a, digits: 0x1d7ce, greek: [0x1d6a8, 0x1d6c2] },
  italic: { capitals: 0x1d434, small: 0x1d44e, apart: "hℎ", greek: [0x1d6e2, 0x1d6fc] },
  boldItalic: { capitals: 0x1d468, small: 0x1d482, digits: 0x1d7ce, greek: [0x1d71c, 0x1d736] },
  script: { capitals: 0x1d49c, small: 0x1d4b6, apart: "BℬEℰFℱHℋIℐLℒMℳRℛeℯgℊoℴ" },
  fraktur: { capitals: 0x1d504, small: 0x1d51e, apart: "CℭHℌIℑRℜZℨ" },
  double: { capitals: 0x1d538, small: 0x1d552, digits: 0x1d7d8, apart: "CℂHℍNℕPℙQℚRℝZℤ" },
  sans: { capitals: 0x1d5a0, small: 0x1d5ba, digits: 0x1d7e2 },
  mono: { capitals: 0x1d670, small: 0x1d68a, digits: 0x1d7f6 },
};

/** Commands that change the style of letters, and to which; upright ones are letters as they are. */
export const STYLES = table(`
  mathbf bold mathit italic mathrm upright mathup upright mathcal script mathscr script mathfrak fraktur mathbb double
  mathsf sans mathtt mono boldsymbol boldItalic bm boldItalic mathnormal normal
`);

/** A letter or digit in a style. */
export function inStyle(character: string, style: string): string {
  const alphabet = ALPHABETS[style];
  if (alphabet === undefined) return character;
  const apart = alphabet.apart?.indexOf(character) ?? -1;
  if (apart >= 0 && apart % 2 === 0) return alphabet.apart?.charAt(apart + 1) ?? character;
  const from = (start: number | undefined, first: string) =>
    start === undefined ? character : String.fromCodePoint(start + character.charCodeAt(0) - first.charCodeAt(0));
  if (/^[A-Z]$/.test(character)) return from(alphabet.capitals, "A");
  if (/^[a-z]$/.test(character)) return from(alphabet.small, "a");
  if (/^[0-9]$/.test(character)) return from(alphabet.digits, "0");
  if (/^[Α-Ω]$/.test(character)) return from(alphabet.greek?.[0], "Α");
  if (/^[α-ω]$/.test(character)) return from(alphabet.greek?.[1], "α");
  return character;
}
