/** One calm step: a recovery key to save, or a passphrase. */
import { Check, Copy, Download, Printer } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { useAccount, useT } from "../../base/hooks.ts";
import { saveFile } from "../../lib/save.ts";
import type { RecoveryKey } from "../../matrix/crypto/encryption.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { Finished } from "./Finished.tsx";
import { OwnPassword, PasswordField } from "./PasswordField.tsx";
import { useAttempt } from "./useAttempt.ts";

const MIN_PASSPHRASE = 12;

export function RecoverySetup({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [mode, setMode] = useState<"key" | "passphrase">("key");
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  const { busy, problem, run } = useAttempt();
  const needsPassword = problem?.kind === "password-needed" || problem?.kind === "wrong-password" || password !== "";
  const save = async (make: () => Promise<RecoveryKey>) => {
    const saved = await run(async () => encryption.saveRecovery(await make(), password || undefined));
    if (saved) setDone(true);
  };
  const foot = (
    <>
      {needsPassword && <OwnPassword value={password} onChange={setPassword} />}
      <ProblemNotice problem={problem} />
    </>
  );
  if (done) return <Finished title={t("recovery.done.title")} text={t("recovery.done.text")} onClose={onClose} />;
  return (
    <Dialog title={t("recovery.title")} onClose={onClose} className="encryption">
      <div className="dialog__body">
        <p className="encryption__text">{t("recovery.intro")}</p>
        {mode === "key" ? (
          <NewKey busy={busy} onSaved={(key) => void save(async () => key)}>
            {foot}
          </NewKey>
        ) : (
          <NewPassphrase busy={busy} onChosen={(text) => void save(() => encryption.createRecoveryKey(text))}>
            {foot}
          </NewPassphrase>
        )}
        <Button kind="text" onClick={() => setMode(mode === "key" ? "passphrase" : "key")}>
          {t(mode === "key" ? "recovery.usePassphrase" : "recovery.useKey")}
        </Button>
      </div>
    </Dialog>
  );
}

interface StepProps {
  busy: boolean;
  children: React.ReactNode;
}

function NewKey({ busy, onSaved, children }: StepProps & { onSaved: (key: RecoveryKey) => void }) {
  const t = useT();
  const { encryption, userId } = useAccount();
  const [key, setKey] = useState<RecoveryKey>();
  const [copied, setCopied] = useState(false);
  useEffect(() => void encryption.createRecoveryKey().then(setKey), [encryption]);
  const about = t("recovery.file.text", { user: userId });
  const copy = async () => {
    if (key === undefined) return;
    await navigator.clipboard.writeText(key.text);
    setCopied(true);
  };
  return (
    <>
      <output className="recovery-key" aria-label={t("recovery.key")}>
        {key === undefined ? <span className="skeleton recovery-key__wait" /> : key.text}
      </output>
      <div className="encryption__actions">
        <Button onClick={() => void copy()}>
          {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
          {t(copied ? "recovery.copied" : "action.copy")}
        </Button>
        <Button
          onClick={() =>
            key !== undefined && saveFile(new File([`${about}\n\n${key.text}\n`], `${t("recovery.file")}.txt`))
          }
        >
          <Download aria-hidden />
          {t("recovery.download")}
        </Button>
        <Button onClick={() => window.print()}>
          <Printer aria-hidden />
          {t("recovery.print")}
        </Button>
      </div>
      {children}
      <div className="dialog__foot">
        <Button kind="primary" wide busy={busy} disabled={key === undefined} onClick={() => key && onSaved(key)}>
          {t("recovery.saved")}
        </Button>
      </div>
      {key !== undefined &&
        createPortal(
          <div className="print-sheet" aria-hidden>
            <h1>{t("recovery.file")}</h1>
            <p>{about}</p>
            <p className="recovery-key">{key.text}</p>
          </div>,
          document.body,
        )}
    </>
  );
}

function NewPassphrase({ busy, onChosen, children }: StepProps & { onChosen: (passphrase: string) => void }) {
  const t = useT();
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const [tried, setTried] = useState(false);
  const short = tried && first.length < MIN_PASSPHRASE;
  const differs = tried && first !== second;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (first.length >= MIN_PASSPHRASE && first === second) onChosen(first);
  };
  return (
    <form className="encryption__form" onSubmit={submit}>
      <PasswordField
        label={t("recovery.passphrase")}
        hint={t(short ? "recovery.passphrase.short" : "recovery.passphrase.hint")}
        tone={short ? "problem" : undefined}
        value={first}
        onChange={setFirst}
      />
      <PasswordField
        label={t("recovery.passphrase.again")}
        hint={differs ? t("recovery.passphrase.differs") : undefined}
        tone={differs ? "problem" : undefined}
        value={second}
        onChange={setSecond}
      />
      {children}
      <Button kind="primary" wide type="submit" busy={busy}>
        {t("recovery.passphrase.save")}
      </Button>
    </form>
  );
}
