import { useReadable, useT } from "../../base/hooks.ts";
import { preferences, setPreference } from "../../base/preferences.ts";
import { Card, Options } from "./parts.tsx";

export function LanguageSection() {
  const t = useT();
  const { language } = useReadable(preferences);
  return (
    <Card kept="device">
      <Options
        label={t("settings.language")}
        value={language}
        options={[
          { value: "system", label: t("settings.language.system") },
          { value: "en", label: "English" },
          { value: "zh", label: "简体中文" },
        ]}
        onChange={(value) => setPreference("language", value)}
      />
    </Card>
  );
}
