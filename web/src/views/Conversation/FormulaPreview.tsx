import { Sigma } from "lucide-react";
import { useDeferredValue, useMemo } from "react";
import { useT } from "../../base/hooks.ts";
import { formulasIn } from "../../lib/markdown.ts";
import { Formula, useParser } from "./Formula.tsx";

const SHOWN = 4;

/** What the formulas of a text that is being written look like, and how to write dollars instead. */
export function FormulaPreview({ text }: { text: string }) {
  const settled = useDeferredValue(text);
  const formulas = useMemo(() => formulasIn(settled).slice(0, SHOWN), [settled]);
  return formulas.length === 0 ? null : <Formulas formulas={formulas} />;
}

function Formulas({ formulas }: { formulas: ReturnType<typeof formulasIn> }) {
  const t = useT();
  const parse = useParser();
  const unclear = parse !== undefined && formulas.some(({ source }) => parse(source) === undefined);
  return (
    <div className="formula-preview" role="group" aria-label={t("maths.preview")}>
      <Sigma aria-hidden />
      <div className="formula-preview__formulas">
        {formulas.map(({ source, display }, index) => (
          // Formulas have no identity but their place.
          <Formula key={index} source={source} display={display} />
        ))}
      </div>
      <span className="formula-preview__hint">{t(unclear ? "maths.source" : "maths.hint")}</span>
    </div>
  );
}
