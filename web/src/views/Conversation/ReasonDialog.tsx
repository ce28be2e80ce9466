import { type FormEvent, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

interface ReasonDialogProps {
  title: string;
  text: string;
  /** Names the field for the words. */
  label: string;
  action: string;
  /** Without words it makes no sense. */
  required?: boolean;
  onSubmit: (reason: string) => Promise<unknown>;
  onClose: () => void;
}

/** Asks before something serious, and why. */
export function ReasonDialog({ title, text, label, action, required = false, onSubmit, onClose }: ReasonDialogProps) {
  const t = useT();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(() => onSubmit(reason));
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose} className="dialog--confirm">
      <form className="dialog__body" onSubmit={submit}>
        <p>{text}</p>
        <Field label={label}>
          {(ids) => (
            <textarea
              {...ids}
              className="field__input"
              dir="auto"
              rows={2}
              maxLength={500}
              required={required}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={required && reason.trim() === ""}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
