import { Check } from "lucide-react";
import { useReadable, useT } from "../../base/hooks.ts";
import { type Background, CHOICES, preferences, setChatBackground } from "../../base/preferences.ts";
import { Swatches } from "./Swatches.tsx";

/** The background of one conversation; its details show this. */
export function ChatBackground({ roomId }: { roomId: string }) {
  const t = useT();
  const { backgrounds, background } = useReadable(preferences);
  return (
    <BackgroundChoice
      label={t("settings.background.chat")}
      value={backgrounds[roomId] ?? background}
      // The one of all conversations is no choice of this one's own.
      onChange={(next) => setChatBackground(roomId, next === background ? undefined : next)}
    />
  );
}

interface BackgroundChoiceProps {
  label: string;
  value: Background;
  onChange: (background: Background) => void;
}

export function BackgroundChoice({ label, value, onChange }: BackgroundChoiceProps) {
  const t = useT();
  return (
    <Swatches
      label={label}
      value={value}
      options={CHOICES.background.map((option) => ({ value: option, label: t(`settings.background.${option}`) }))}
      onChange={onChange}
      swatch={(option, chosen) => (
        <span className="swatch swatch--wide" data-background={option}>
          {chosen && <Check aria-hidden />}
        </span>
      )}
    />
  );
}
