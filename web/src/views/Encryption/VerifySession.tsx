/** How a new session becomes one that others trust: by another session, by the recovery key, or by beginning anew. */
import { KeyRound, MonitorSmartphone } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { Finished } from "./Finished.tsx";
import { PasswordField } from "./PasswordField.tsx";
import { ResetIdentity } from "./ResetIdentity.tsx";
import { useAttempt } from "./useAttempt.ts";

export function VerifySession({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const { recovery } = useReadable(encryption.status);
  const [step, setStep] = useState<"choose" | "key" | "reset" | "done">("choose");
  const { busy, problem, run } = useAttempt();
  if (step === "reset") return <ResetIdentity onClose={onClose} />;
  if (step === "done") {
    return <Finished title={t("verify.done.title")} text={t("verify.done.session")} onClose={onClose} />;
  }
  return (
    <Dialog title={t("verify.title")} onClose={onClose} className="encryption">
      <div className="dialog__body">
        <p className="encryption__text">{t("verify.reminder")}</p>
        {step === "choose" ? (
          <>
            <button
              type="button"
              className="encryption__choice"
              disabled={busy}
              onClick={() => void run(() => encryption.verifySession())}
            >
              <MonitorSmartphone aria-hidden />
              <span>
                <strong>{t("verify.bySession")}</strong>
                <small>{t("verify.bySession.hint")}</small>
              </span>
            </button>
            {recovery !== "missing" && (
              <button type="button" className="encryption__choice" onClick={() => setStep("key")}>
                <KeyRound aria-hidden />
                <span>
                  <strong>{t("verify.byKey")}</strong>
                  <small>{t("verify.byKey.field")}</small>
                </span>
              </button>
            )}
            <ProblemNotice problem={problem} />
          </>
        ) : (
          <ByKey onDone={() => setStep("done")} />
        )}
        <Button kind="text" onClick={() => setStep("reset")}>
          {t(recovery === "missing" ? "verify.reset.only" : "verify.reset")}
        </Button>
      </div>
    </Dialog>
  );
}

function ByKey({ onDone }: { onDone: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [typed, setTyped] = useState("");
  const { busy, problem, run } = useAttempt();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await run(() => encryption.recover(typed.trim()))) onDone();
  };
  return (
    <form className="encryption__form" onSubmit={submit}>
      <PasswordField
        label={t("verify.byKey.field")}
        autoComplete="current-password"
        value={typed}
        onChange={setTyped}
      />
      <ProblemNotice problem={problem} />
      <Button kind="primary" wide type="submit" busy={busy} disabled={typed.trim() === ""}>
        {t("verify.byKey.action")}
      </Button>
    </form>
  );
}
