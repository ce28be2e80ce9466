import { type FormEvent, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { AuthModel } from "../../viewmodels/auth.ts";
import { PasswordInput } from "./PasswordInput.tsx";

export function SignInForm({ model }: { model: AuthModel }) {
  const t = useT();
  const { busy, problem } = useReadable(model.snapshot);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (user.trim() !== "" && password !== "") void model.signIn(user, password);
  };
  return (
    <form className="auth__form" onSubmit={submit}>
      <Field label={t("auth.userName")}>
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
            value={user}
            onChange={(event) => setUser(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("auth.password")}>
        {(ids) => <PasswordInput {...ids} autoComplete="current-password" value={password} onChange={setPassword} />}
      </Field>
      <ProblemNotice problem={problem} />
      <Button kind="primary" type="submit" wide busy={busy}>
        {t("auth.signIn")}
      </Button>
    </form>
  );
}
