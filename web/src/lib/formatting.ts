/** What the formatting keys do to the text in the box: a selection in, a selection out. */
export interface Selected {
  text: string;
  start: number;
  end: number;
}

export type Format = "bold" | "italic" | "strike" | "code" | "spoiler" | "link" | "quote" | "list";

const MARKS = { bold: "**", italic: "*", strike: "~~", code: "`", spoiler: "||" } as const;
const LINES = { quote: "> ", list: "- " } as const;

export function applyFormat(selected: Selected, format: Format): Selected {
  if (format === "link") return link(selected);
  if (format === "quote" || format === "list") return lines(selected, LINES[format]);
  if (format === "code" && selected.text.slice(selected.start, selected.end).includes("\n")) return fence(selected);
  return marks(selected, MARKS[format]);
}

/** Puts marks around the selection, or takes them away. The space at its edges stays outside. */
function marks({ text, start, end }: Selected, mark: string): Selected {
  const chosen = text.slice(start, end);
  const lead = chosen.length - chosen.trimStart().length;
  const from = chosen.trim() === "" ? start : start + lead;
  const to = chosen.trim() === "" ? end : from + chosen.trim().length;
  const inner = text.slice(from, to);
  const size = mark.length;
  if (isMarked(text, from - size, mark) && isMarked(text, to, mark)) {
    return {
      text: text.slice(0, from - size) + inner + text.slice(to + size),
      start: from - size,
      end: to - size,
    };
  }
  if (inner.length > 2 * size && isMarked(inner, 0, mark) && isMarked(inner, inner.length - size, mark)) {
    const bare = inner.slice(size, -size);
    return { text: text.slice(0, from) + bare + text.slice(to), start: from, end: from + bare.length };
  }
  return { text: text.slice(0, from) + mark + inner + mark + text.slice(to), start: from + size, end: to + size };
}

/** Whether exactly this mark stands there: `*` is not the half of `**`. */
function isMarked(text: string, index: number, mark: string): boolean {
  if (index < 0 || !text.startsWith(mark, index)) return false;
  const sign = mark.charAt(0);
  let [first, last] = [index, index + mark.length];
  while (text[first - 1] === sign) first--;
  while (text[last] === sign) last++;
  const length = last - first;
  return length === mark.length || (length === 3 && sign === "*");
}

function fence({ text, start, end }: Selected): Selected {
  const inner = text.slice(start, end);
  const before = start > 0 && text[start - 1] !== "\n" ? "\n```\n" : "```\n";
  const after = inner.endsWith("\n") ? "```" : "\n```";
  return {
    text: text.slice(0, start) + before + inner + after + text.slice(end),
    start: start + before.length,
    end: start + before.length + inner.length,
  };
}

function link({ text, start, end }: Selected): Selected {
  const inner = text.slice(start, end);
  const isAddress = /^(?:https?:\/\/|mailto:)\S+$/i.test(inner);
  const written = isAddress ? `[](${inner})` : `[${inner}](https://)`;
  // What is still missing is where one writes on.
  const caret = isAddress ? start + 1 : start + written.length - 1;
  return { text: text.slice(0, start) + written + text.slice(end), start: caret, end: caret };
}

function lines({ text, start, end }: Selected, prefix: string): Selected {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const next = text.indexOf("\n", Math.max(start, end - 1));
  const to = next < 0 ? text.length : next;
  const all = text.slice(from, to).split("\n");
  const marked = all.every((line) => line.startsWith(prefix));
  const changed = all.map((line) => (marked ? line.slice(prefix.length) : prefix + line)).join("\n");
  return { text: text.slice(0, from) + changed + text.slice(to), start: from, end: from + changed.length };
}
