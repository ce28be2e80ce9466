import { ExternalLink } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import type { Step } from "../../matrix/auth.ts";
import { Button } from "../../ui/controls.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { AuthModel } from "../../viewmodels/auth.ts";

/** What the server asks of somebody before they have an account. */
export default function RegisterStep({ model, step }: { model: AuthModel; step: Step }) {
  const t = useT();
  const { busy, problem } = useReadable(model.snapshot);
  const [agreed, setAgreed] = useState<ReadonlySet<string>>(new Set());
  const policies = step.kind === "terms" ? step.policies : [];
  const toggle = (url: string) => {
    const next = new Set(agreed);
    if (!next.delete(url)) next.add(url);
    setAgreed(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void (step.kind === "terms" ? model.acceptTerms() : model.stepDone());
  };
  return (
    <form className="auth__form" onSubmit={submit}>
      <p>{t(step.kind === "terms" ? "auth.terms.text" : "auth.step.text")}</p>
      {policies.map(({ name, url }) => (
        <label key={url} className="auth__policy">
          <input type="checkbox" checked={agreed.has(url)} onChange={() => toggle(url)} />
          <Terms name={name} url={url} />
        </label>
      ))}
      {step.kind === "page" && (
        <a className="button button--quiet button--wide" href={step.url} target="_blank" rel="noreferrer noopener">
          <ExternalLink aria-hidden />
          {t("auth.step.open")}
        </a>
      )}
      <ProblemNotice problem={problem} />
      <Button kind="primary" type="submit" wide busy={busy} disabled={policies.some(({ url }) => !agreed.has(url))}>
        {t("auth.step.continue")}
      </Button>
      <Button kind="text" onClick={() => model.cancelStep()}>
        {t("action.back")}
      </Button>
    </form>
  );
}

/** The sentence with the document as a link in it. */
function Terms({ name, url }: { name: string; url: string }) {
  const t = useT();
  const [before, after] = t("auth.terms", { terms: "\u0000" }).split("\u0000");
  return (
    <span>
      {before}
      <a href={url} target="_blank" rel="noreferrer noopener">
        <bdi>{name}</bdi>
      </a>
      {after}
    </span>
  );
}
