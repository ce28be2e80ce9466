import { type FormEvent, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { AuthModel } from "../../viewmodels/auth.ts";

/** Asks for the server of somebody whose account is not on the one that serves this page. */
export default function ServerForm({ model }: { model: AuthModel }) {
  const t = useT();
  const { busy, problem } = useReadable(model.snapshot);
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void model.takeServer(name);
  };
  return (
    <form className="auth__form" onSubmit={submit}>
      <Field label={t("auth.serverName")} hint={t("auth.serverName.hint")}>
        {(ids) => (
          <input
            {...ids}
            className="field__input"
            name="server"
            inputMode="url"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            required
            maxLength={300}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <ProblemNotice problem={problem} />
      <Button kind="primary" type="submit" wide busy={busy}>
        {t("auth.useServer")}
      </Button>
      <Button kind="text" onClick={() => model.takeOwnServer()}>
        {t("auth.ownServer", { server: model.ownServer })}
      </Button>
    </form>
  );
}
