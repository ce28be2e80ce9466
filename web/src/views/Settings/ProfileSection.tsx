import { type FormEvent, useEffect, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { Card } from "./parts.tsx";
import { ProfileForm } from "./ProfileForm.tsx";

export function ProfileSection() {
  const t = useT();
  return (
    <>
      <Card>
        <ProfileForm />
      </Card>
      <Card title={t("settings.status")} text={t("settings.status.text")}>
        <StatusForm />
      </Card>
    </>
  );
}

/** Longer texts are cut by those who show them. */
const MAX_STATUS = 120;

function StatusForm() {
  const t = useT();
  const account = useAccount();
  const [stored, setStored] = useState<string>();
  /** Absent until somebody types: then the status on the server shows through. */
  const [typed, setTyped] = useState<string>();
  const text = typed ?? stored ?? "";
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    let current = true;
    void account.presence.status().then((status) => {
      if (current) setStored(status);
    });
    return () => {
      current = false;
    };
  }, [account]);
  const save = async (next: string) => {
    setBusy(true);
    if (await attempt(() => account.presence.setStatus(next))) {
      setStored(next);
      setTyped(undefined);
      showToast({ tone: "done", message: { key: "settings.saved" } });
    }
    setBusy(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void save(text.trim());
  };
  return (
    <form className="settings__status" onSubmit={submit}>
      <Field label={t("settings.status.field")}>
        {(ids) => (
          <input
            {...ids}
            className="field__input"
            name="status"
            autoComplete="off"
            maxLength={MAX_STATUS}
            placeholder={t("settings.status.placeholder")}
            value={text}
            onChange={(event) => setTyped(event.target.value)}
          />
        )}
      </Field>
      <Button kind="primary" type="submit" busy={busy} disabled={stored === undefined || text.trim() === stored}>
        {t("action.save")}
      </Button>
    </form>
  );
}
