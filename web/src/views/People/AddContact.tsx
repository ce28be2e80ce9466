import { QrCode, ScanLine } from "lucide-react";
import { type FormEvent, lazy, Suspense, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { personOfLink } from "../../lib/personlink.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { openPerson } from "../../viewmodels/person.ts";

// The reader of codes is loaded when somebody scans.
const Scanner = lazy(() => import("./Scanner.tsx"));

interface AddContactProps {
  onClose: () => void;
  /** Shows one's own code instead. */
  onCode: () => void;
}

/** Adds somebody by their id, their link, or their code. */
export function AddContact({ onClose, onCode }: AddContactProps) {
  const t = useT();
  const account = useAccount();
  const server = account.userId.replace(/^[^:]*:/, "");
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const [scanning, setScanning] = useState(false);
  const open = (userId: string) => {
    onClose();
    openPerson(userId);
  };
  const read = (code: string) => {
    const userId = personOfLink(code);
    if (userId !== undefined) open(userId);
    return userId !== undefined;
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const userId = personOfLink(text) ?? personOfLink(`@${text.trim().replace(/^@/, "").toLowerCase()}:${server}`);
    if (userId === undefined) setWrong(true);
    else open(userId);
  };
  return (
    <Dialog title={t("people.add")} onClose={onClose}>
      {scanning ? (
        <Suspense fallback={<div className="dialog__body" aria-busy="true" />}>
          <Scanner text={t("scan.text")} wrong={t("scan.wrong")} onRead={read} onCancel={() => setScanning(false)} />
        </Suspense>
      ) : (
        <form className="dialog__body" onSubmit={submit}>
          <Field
            label={t("people.add.field")}
            hint={wrong ? t("people.add.wrong", { server }) : t("people.add.hint", { server })}
            tone={wrong ? "problem" : undefined}
          >
            {(ids) => (
              <input
                {...ids}
                className="field__input"
                autoFocus
                autoCapitalize="none"
                autoComplete="off"
                spellCheck={false}
                maxLength={1000}
                aria-invalid={wrong}
                value={text}
                onChange={(event) => {
                  setText(event.target.value);
                  setWrong(false);
                }}
              />
            )}
          </Field>
          <div className="add-contact__ways">
            <Button onClick={() => setScanning(true)}>
              <ScanLine aria-hidden />
              {t("people.scan")}
            </Button>
            <Button onClick={onCode}>
              <QrCode aria-hidden />
              {t("people.code")}
            </Button>
          </div>
          <div className="dialog__foot">
            <Button onClick={onClose}>{t("action.cancel")}</Button>
            <Button kind="primary" type="submit" disabled={text.trim() === ""}>
              {t("people.add.find")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
