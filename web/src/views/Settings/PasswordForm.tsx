import { type FormEvent, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { problemText } from "../../lib/problem.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import { Button, Field, Switch } from "../../ui/controls.tsx";
import { MIN_PASSWORD } from "../../viewmodels/auth.ts";
import { PasswordInput } from "../Auth/PasswordInput.tsx";

export function PasswordForm() {
  const t = useT();
  const account = useAccount();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [others, setOthers] = useState(true);
  const [tooShort, setTooShort] = useState(false);
  const [state, setState] = useState<"idle" | "busy" | "done">("idle");
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTooShort(next.length < MIN_PASSWORD);
    if (next.length < MIN_PASSWORD) return;
    setState("busy");
    setProblem(undefined);
    try {
      await account.setPassword(current, next, others);
      setCurrent("");
      setNext("");
      setState("done");
    } catch (error) {
      setProblem(problemOf(error));
      setState("idle");
    }
  };
  return (
    <form className="settings__password" onSubmit={submit}>
      <Field label={t("settings.password.current")}>
        {(ids) => <PasswordInput {...ids} autoComplete="current-password" value={current} onChange={setCurrent} />}
      </Field>
      <Field
        label={t("settings.password.next")}
        hint={t(tooShort ? "auth.password.short" : "auth.password.hint")}
        tone={tooShort ? "problem" : undefined}
      >
        {(ids) => (
          <PasswordInput {...ids} autoComplete="new-password" invalid={tooShort} value={next} onChange={setNext} />
        )}
      </Field>
      <Switch label={t("settings.password.others")} checked={others} onChange={setOthers} />
      {problem !== undefined && (
        <p className="notice notice--problem" role="alert">
          {problem.kind === "wrong-credentials" ? t("settings.password.wrong") : problemText(problem, t)}
        </p>
      )}
      {state === "done" && (
        <p className="notice notice--good" role="status">
          {t("settings.password.changed")}
        </p>
      )}
      <div>
        <Button kind="primary" type="submit" busy={state === "busy"} disabled={current === "" || next === ""}>
          {t("settings.password.change")}
        </Button>
      </div>
    </form>
  );
}
