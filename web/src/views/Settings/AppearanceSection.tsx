import { Check } from "lucide-react";
import { useReadable, useT } from "../../base/hooks.ts";
import { CHOICES, preferences, setPreference } from "../../base/preferences.ts";
import { BackgroundChoice } from "./BackgroundChoice.tsx";
import { Card, Choice } from "./parts.tsx";
import { Swatches } from "./Swatches.tsx";

export function AppearanceSection() {
  const t = useT();
  const { theme, textSize, accent, background, layout, density, clock } = useReadable(preferences);
  return (
    <>
      <Card kept="device">
        <Choice
          label={t("settings.theme")}
          value={theme}
          options={CHOICES.theme.map((value) => ({ value, label: t(`settings.theme.${value}`) }))}
          onChange={(value) => setPreference("theme", value)}
        />
        <Choice
          label={t("settings.size")}
          value={textSize}
          options={CHOICES.textSize.map((value) => ({ value, label: t(`settings.size.${value}`) }))}
          onChange={(value) => setPreference("textSize", value)}
        />
      </Card>
      <Card kept="account">
        <div className="settings__row">
          <span>{t("settings.accent")}</span>
          <Swatches
            label={t("settings.accent")}
            value={accent}
            options={CHOICES.accent.map((value) => ({ value, label: t(`settings.accent.${value}`) }))}
            onChange={(value) => setPreference("accent", value)}
            swatch={(value, chosen) => (
              <span className="swatch" data-swatch={value}>
                {chosen && <Check aria-hidden />}
              </span>
            )}
          />
        </div>
        <div className="settings__row">
          <span>{t("settings.background")}</span>
          <BackgroundChoice
            label={t("settings.background")}
            value={background}
            onChange={(value) => setPreference("background", value)}
          />
        </div>
        <Choice
          label={t("settings.layout")}
          value={layout}
          options={CHOICES.layout.map((value) => ({ value, label: t(`settings.layout.${value}`) }))}
          onChange={(value) => setPreference("layout", value)}
        />
        <Choice
          label={t("settings.density")}
          value={density}
          options={CHOICES.density.map((value) => ({ value, label: t(`settings.density.${value}`) }))}
          onChange={(value) => setPreference("density", value)}
        />
        <Choice
          label={t("settings.clock")}
          value={clock}
          options={CHOICES.clock.map((value) => ({ value, label: t(`settings.clock.${value}`) }))}
          onChange={(value) => setPreference("clock", value)}
        />
      </Card>
    </>
  );
}
