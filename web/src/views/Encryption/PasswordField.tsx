import { useT } from "../../base/hooks.ts";
import { Field } from "../../ui/controls.tsx";
import { PasswordInput } from "../Auth/PasswordInput.tsx";

interface PasswordFieldProps {
  label: string;
  hint?: string;
  tone?: "problem";
  autoComplete?: "current-password" | "new-password";
  value: string;
  onChange: (value: string) => void;
}

/** A password, a passphrase or a recovery key: hidden unless somebody wants to see it. */
export function PasswordField({
  label,
  hint,
  tone,
  autoComplete = "new-password",
  value,
  onChange,
}: PasswordFieldProps) {
  return (
    <Field label={label} hint={hint} tone={tone}>
      {(ids) => <PasswordInput {...ids} autoComplete={autoComplete} value={value} onChange={onChange} />}
    </Field>
  );
}

/** The account's password, where the server asks who it is. */
export function OwnPassword({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const t = useT();
  return (
    <PasswordField label={t("encryption.password")} autoComplete="current-password" value={value} onChange={onChange} />
  );
}
