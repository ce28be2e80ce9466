import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { useT } from "../../base/hooks.ts";
import { IconButton } from "../../ui/controls.tsx";

interface PasswordInputProps {
  id: string;
  "aria-describedby"?: string;
  autoComplete: "current-password" | "new-password";
  invalid?: boolean;
  value: string;
  onChange: (value: string) => void;
}

export function PasswordInput({ invalid, value, onChange, ...rest }: PasswordInputProps) {
  const t = useT();
  const [shown, setShown] = useState(false);
  return (
    <>
      <input
        {...rest}
        className="field__input"
        type={shown ? "text" : "password"}
        aria-invalid={invalid}
        required
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <IconButton
        className="field__trailing"
        label={t(shown ? "auth.password.hide" : "auth.password.show")}
        onClick={() => setShown(!shown)}
      >
        {shown ? <EyeOff /> : <Eye />}
      </IconButton>
    </>
  );
}
