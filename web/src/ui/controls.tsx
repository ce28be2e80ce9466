/** Small controls without state of their own. */
import { LoaderCircle, Search, X } from "lucide-react";
import { type ButtonHTMLAttributes, type InputHTMLAttributes, type ReactNode, type Ref, useId, useState } from "react";
import { useT } from "../base/hooks.ts";
import { classes } from "../lib/classes.ts";

type ButtonKind = "primary" | "quiet" | "text" | "danger" | "danger-quiet";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  wide?: boolean;
  busy?: boolean;
}

export function Button({ kind = "quiet", wide, busy, disabled, className, children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy === true}
      aria-busy={busy}
      className={classes("button", `button--${kind}`, wide && "button--wide", className)}
    >
      {busy === true && <LoaderCircle className="spin" aria-hidden />}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  children: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

/** A button that is only an icon; the label is its name and its tooltip. */
export function IconButton({ label, className, children, ...rest }: IconButtonProps) {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={classes("icon-button", className)}>
      {children}
    </button>
  );
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  tone?: "problem" | "good";
  /** Receives the ids that connect the input to its label and hint. */
  children: (ids: { id: string; "aria-describedby": string | undefined }) => ReactNode;
}

export function Field({ label, hint, tone, children }: FieldProps) {
  const id = useId();
  const hintId = `${id}-hint`;
  return (
    <div className="field">
      <label className="field__label" htmlFor={id}>
        {label}
      </label>
      <div className="field__control">
        {children({ id, "aria-describedby": hint === undefined ? undefined : hintId })}
      </div>
      {hint !== undefined && (
        <p id={hintId} className={classes("field__hint", tone && `field__hint--${tone}`)} aria-live="polite">
          {hint}
        </p>
      )}
    </div>
  );
}

interface SearchBoxProps extends Omit<InputHTMLAttributes<HTMLInputElement>, "onChange"> {
  label: string;
  value: string;
  onChange: (value: string) => void;
  ref?: Ref<HTMLInputElement>;
}

export function SearchBox({ label, value, onChange, ...rest }: SearchBoxProps) {
  const t = useT();
  return (
    <div className="search-box">
      <Search aria-hidden />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        {...rest}
      />
      {value !== "" && (
        <IconButton label={t("action.clear")} onClick={() => onChange("")}>
          <X />
        </IconButton>
      )}
    </div>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Switch({ label, hint, checked, onChange }: SwitchProps) {
  return (
    <label className="switch">
      <span className="switch__text">
        {label}
        {hint !== undefined && <span className="switch__hint">{hint}</span>}
      </span>
      <input
        type="checkbox"
        role="switch"
        aria-checked={checked}
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
    </label>
  );
}

interface RemoteSwitchProps extends Omit<SwitchProps, "onChange"> {
  /** Resolves to whether it worked. */
  onChange: (checked: boolean) => Promise<boolean>;
}

/** A switch whose state is on the server: it moves at once, and back if the server does not follow. */
export function RemoteSwitch({ checked, onChange, ...rest }: RemoteSwitchProps) {
  const [wanted, setWanted] = useState<boolean>();
  if (wanted === checked) setWanted(undefined);
  const change = (next: boolean) => {
    setWanted(next);
    void onChange(next).then((worked) => !worked && setWanted(undefined));
  };
  return <Switch {...rest} checked={wanted ?? checked} onChange={change} />;
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  const name = useId();
  return (
    <div className="segments" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.label}</span>
        </label>
      ))}
    </div>
  );
}

interface EmptyStateProps {
  icon: ReactNode;
  title?: string;
  text?: ReactNode;
  children?: ReactNode;
}

export function EmptyState({ icon, title, text, children }: EmptyStateProps) {
  return (
    <div className="empty">
      <div className="empty__icon" aria-hidden>
        {icon}
      </div>
      {title !== undefined && <h2 className="empty__title">{title}</h2>}
      {text !== undefined && <p>{text}</p>}
      {children}
    </div>
  );
}
