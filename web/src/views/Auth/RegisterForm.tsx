import { type FormEvent, useEffect, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import type { Translate } from "../../i18n/translate.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { AuthModel, NameState } from "../../viewmodels/auth.ts";
import { PasswordInput } from "./PasswordInput.tsx";

export function RegisterForm({ model, token: givenToken }: { model: AuthModel; token: string }) {
  const t = useT();
  const { registration, name, passwordTooShort, busy, problem } = useReadable(model.snapshot);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [token, setToken] = useState(givenToken);
  useEffect(() => void model.loadRegistration(), [model]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name !== "taken" && name !== "invalid") void model.register(user, password, token);
  };
  if (registration === "closed") return <p className="notice">{t("auth.closed")}</p>;
  if (registration === "unsupported") return <p className="notice">{t("auth.unsupported")}</p>;
  const wrongName = name === "taken" || name === "invalid";
  return (
    <form className="auth__form" onSubmit={submit}>
      <Field
        label={t("auth.userName")}
        hint={nameHint(name, user, t)}
        tone={wrongName ? "problem" : name === "free" ? "good" : undefined}
      >
        {(ids) => (
          <input
            {...ids}
            className="field__input"
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            required
            maxLength={200}
            aria-invalid={wrongName}
            value={user}
            onChange={(event) => {
              const next = event.target.value.trim().toLowerCase();
              setUser(next);
              void model.checkName(next);
            }}
          />
        )}
      </Field>
      <Field
        label={t("auth.password")}
        hint={t(passwordTooShort ? "auth.password.short" : "auth.password.hint")}
        tone={passwordTooShort ? "problem" : undefined}
      >
        {(ids) => (
          <PasswordInput
            {...ids}
            autoComplete="new-password"
            invalid={passwordTooShort}
            value={password}
            onChange={setPassword}
          />
        )}
      </Field>
      {(registration === "token" || givenToken !== "") && (
        <Field label={t("auth.token")} hint={t(givenToken === "" ? "auth.token.hint" : "auth.token.given")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              name="token"
              autoComplete="off"
              spellCheck={false}
              required
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          )}
        </Field>
      )}
      <ProblemNotice problem={problem} />
      <Button kind="primary" type="submit" wide busy={busy} disabled={wrongName}>
        {t("auth.register")}
      </Button>
    </form>
  );
}

function nameHint(state: NameState, name: string, t: Translate): string {
  switch (state) {
    case "checking":
      return t("auth.name.checking");
    case "free":
      return t("auth.name.free", { name });
    case "taken":
      return t("auth.name.taken", { name });
    case "invalid":
      return t("auth.name.invalid");
    case "unknown":
      return t("auth.name.hint");
  }
}
