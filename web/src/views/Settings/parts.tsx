/** What the sections of the settings are made of. */
import { Cloud, MonitorSmartphone } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { Segments } from "../../ui/controls.tsx";

interface CardProps {
  title?: string;
  text?: string;
  /** Where what is chosen here is kept. */
  kept?: "account" | "device";
  children: ReactNode;
}

export function Card({ title, text, kept, children }: CardProps) {
  const t = useT();
  const id = useId();
  return (
    <section className="settings__section" aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && <h2 id={id}>{title}</h2>}
      {text !== undefined && <p className="settings__text">{text}</p>}
      {children}
      {kept !== undefined && (
        <p className="settings__kept">
          {kept === "account" ? <Cloud aria-hidden /> : <MonitorSmartphone aria-hidden />}
          {t(kept === "account" ? "settings.kept.account" : "settings.kept.device")}
        </p>
      )}
    </section>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  hint?: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

/** One of a few, with its name before it. */
export function Choice<T extends string>({ label, hint, ...segments }: ChoiceProps<T>) {
  return (
    <div className="settings__row">
      <span className="settings__label">
        {label}
        {hint !== undefined && <span className="settings__hint">{hint}</span>}
      </span>
      <Segments label={label} {...segments} />
    </div>
  );
}

/** One of a few, each with a sentence that says what it means. */
export function Options<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string; hint?: string }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <div className="options" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} className="options__option">
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>
            {option.label}
            {option.hint !== undefined && <span className="settings__hint">{option.hint}</span>}
          </span>
        </label>
      ))}
    </div>
  );
}

/** A choice that the server keeps: it is shown at once, and taken back if the server does not follow. */
export function useRemote<T>(value: T, save: (next: T) => Promise<boolean>): [T, (next: T) => void] {
  const [wanted, setWanted] = useState<T>();
  if (wanted === value) setWanted(undefined);
  const change = (next: T) => {
    setWanted(next);
    void save(next).then((worked) => !worked && setWanted(undefined));
  };
  return [wanted ?? value, change];
}
