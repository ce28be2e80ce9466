/** The last resort, explained. Afterwards a new recovery key is offered. */
import { type FormEvent, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";
import { OwnPassword } from "./PasswordField.tsx";
import { useAttempt } from "./useAttempt.ts";

export function ResetIdentity({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [password, setPassword] = useState("");
  const { busy, problem, run } = useAttempt();
  const reset = async (event: FormEvent) => {
    event.preventDefault();
    if (!(await run(() => encryption.reset(password)))) return;
    onClose();
    openEncryption({ kind: "recovery" });
  };
  return (
    <Dialog title={t("verify.reset.title")} onClose={onClose} className="encryption">
      <form className="dialog__body" onSubmit={reset}>
        <p className="encryption__text">{t("verify.reset.text")}</p>
        <OwnPassword value={password} onChange={setPassword} />
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={password === ""}>
            {t("verify.reset.action")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
