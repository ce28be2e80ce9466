import { createElement, type ReactNode, useEffect, useMemo, useState } from "react";
import type { MathNode } from "../../lib/tex.ts";

type Parse = (source: string) => MathNode | undefined;

/** Loaded with the first formula; those after it are drawn at once. */
let loaded: Parse | undefined;

/** A formula in TeX, drawn by the browser; as its source until it can be, and where it is not understood. */
export function Formula({ source, display }: { source: string; display: boolean }) {
  const parse = useParser();
  const tree = useMemo(() => parse?.(source), [parse, source]);
  if (tree === undefined) return display ? <pre className="maths__source">{source}</pre> : <code>{source}</code>;
  const formula = createElement("math", { display: display ? "block" : "inline" }, render(tree));
  return display ? (
    <div className="maths" tabIndex={0} role="group" aria-label={source}>
      {formula}
    </div>
  ) : (
    formula
  );
}

/** The parser, once it is there. */
export function useParser(): Parse | undefined {
  const [parse, setParse] = useState(() => loaded);
  useEffect(() => {
    if (loaded !== undefined) return setParse(() => loaded);
    let current = true;
    import("../../lib/tex.ts").then(
      ({ parseTex }) => {
        loaded = parseTex;
        if (current) setParse(() => parseTex);
      },
      // Without a connection the source is read.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, []);
  return parse;
}

function render({ tag, attributes = {}, children }: MathNode, key?: number): ReactNode {
  const { class: className, ...others } = attributes;
  const content = typeof children === "string" ? [children] : children.map((child, index) => render(child, index));
  return createElement(tag, { key, className, ...others }, ...content);
}
