import "./Settings.css";
import { LogOut } from "lucide-react";
import { useState } from "react";
import { useReadable, useT } from "../../app/hooks.ts";
import { preferences, setPreference } from "../../app/preferences.ts";
import { app } from "../../viewmodels/app.ts";
import { Button, Segments } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { BackButton } from "../Conversation/Header.tsx";
import { PasswordForm } from "./PasswordForm.tsx";
import { ProfileForm } from "./ProfileForm.tsx";

export function Settings() {
  const t = useT();
  const [leaving, setLeaving] = useState(false);
  return (
    <div className="settings">
      <header className="settings__head">
        <BackButton />
        <h1>{t("settings.title")}</h1>
      </header>
      <div className="settings__body">
        <section className="settings__section" aria-labelledby="settings-profile">
          <h2 id="settings-profile">{t("settings.profile")}</h2>
          <ProfileForm />
        </section>
        <section className="settings__section" aria-labelledby="settings-appearance">
          <h2 id="settings-appearance">{t("settings.appearance")}</h2>
          <Appearance />
        </section>
        <section className="settings__section" aria-labelledby="settings-password">
          <h2 id="settings-password">{t("settings.security")}</h2>
          <PasswordForm />
        </section>
        <section className="settings__section" aria-labelledby="settings-session">
          <h2 id="settings-session">{t("settings.session")}</h2>
          <div>
            <Button kind="danger-quiet" onClick={() => setLeaving(true)}>
              <LogOut aria-hidden />
              {t("settings.signOut")}
            </Button>
          </div>
        </section>
      </div>
      {leaving && (
        <Confirm
          title={t("settings.signOut.title")}
          text={t("settings.signOut.text")}
          action={t("settings.signOut")}
          onConfirm={() => void app.signOut()}
          onClose={() => setLeaving(false)}
        />
      )}
    </div>
  );
}

function Appearance() {
  const t = useT();
  const { theme, language, textSize } = useReadable(preferences);
  return (
    <>
      <div className="settings__row">
        <span>{t("settings.theme")}</span>
        <Segments
          label={t("settings.theme")}
          value={theme}
          options={(["system", "light", "dark"] as const).map((value) => ({
            value,
            label: t(`settings.theme.${value}`),
          }))}
          onChange={(value) => setPreference("theme", value)}
        />
      </div>
      <div className="settings__row">
        <span>{t("settings.language")}</span>
        <Segments
          label={t("settings.language")}
          value={language}
          options={[
            { value: "system", label: t("settings.language.system") },
            { value: "en", label: "English" },
            { value: "zh", label: "简体中文" },
          ]}
          onChange={(value) => setPreference("language", value)}
        />
      </div>
      <div className="settings__row">
        <span>{t("settings.size")}</span>
        <Segments
          label={t("settings.size")}
          value={textSize}
          options={(["small", "medium", "large", "larger"] as const).map((value) => ({
            value,
            label: t(`settings.size.${value}`),
          }))}
          onChange={(value) => setPreference("textSize", value)}
        />
      </div>
    </>
  );
}
