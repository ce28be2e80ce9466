import { type FormEvent, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, Field } from "../../ui/controls.tsx";
import { FileButton } from "../../ui/FileButton.tsx";
import { attempt, showToast } from "../../viewmodels/toasts.ts";

export function ProfileForm() {
  const t = useT();
  const account = useAccount();
  const profile = useReadable(account.profile);
  /** Absent until somebody types: then the name on the server shows through. */
  const [typed, setTyped] = useState<string>();
  const [busy, setBusy] = useState(false);
  const name = typed ?? profile.name;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    if (await attempt(() => account.setName(name.trim()))) {
      setTyped(undefined);
      showToast({ tone: "done", message: { key: "settings.saved" } });
    }
    setBusy(false);
  };
  return (
    <>
      <div className="settings__picture">
        <Avatar id={profile.id} name={profile.name} picture={profile.avatar} size="xl" />
        <FileButton label={t("settings.picture.change")} onFile={(file) => attempt(() => account.setPicture(file))} />
        {profile.avatar !== undefined && (
          <Button kind="text" onClick={() => void attempt(() => account.removePicture())}>
            {t("settings.picture.remove")}
          </Button>
        )}
      </div>
      <form className="settings__form" onSubmit={save}>
        <Field label={t("settings.name")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoComplete="name"
              maxLength={120}
              value={name}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
        <Button kind="primary" type="submit" busy={busy} disabled={name.trim() === "" || name.trim() === profile.name}>
          {t("action.save")}
        </Button>
      </form>
      <div className="settings__row">
        <span>{t("settings.address")}</span>
        <code className="settings__address">{profile.id}</code>
      </div>
    </>
  );
}
