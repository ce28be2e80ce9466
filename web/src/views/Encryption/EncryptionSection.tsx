/** Settings: how encryption stands, and what can be done about it. */
import "./Encryption.css";
import { type FormEvent, type ReactNode, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { saveFile } from "../../lib/save.ts";
import type { EncryptionStatus } from "../../matrix/crypto/encryption.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";
import { PasswordField } from "./PasswordField.tsx";
import { ResetIdentity } from "./ResetIdentity.tsx";
import { useAttempt } from "./useAttempt.ts";

type Layer = "reset" | "export" | "import";

export function EncryptionSection() {
  const t = useT();
  const { encryption } = useAccount();
  const status = useReadable(encryption.status);
  const [layer, setLayer] = useState<Layer>();
  const close = () => setLayer(undefined);
  const { engine, session, recovery, backup, dehydrated } = status;
  const ready = engine === "ready";
  return (
    <section className="settings__section" aria-labelledby="settings-encryption">
      <h2 id="settings-encryption">{t("encryption.title")}</h2>
      <Row label={t("encryption.session")} value={sessionText(status, t)} good={session === "verified"}>
        {session === "unverified" && (
          <Button kind="primary" onClick={() => openEncryption({ kind: "verify" })}>
            {t("verify.action")}
          </Button>
        )}
      </Row>
      {ready && session !== "unverified" && (
        <>
          <Row label={t("encryption.recovery")} value={recoveryText(status, t)} good={recovery === "ready"}>
            <Button
              kind={recovery === "ready" ? "quiet" : "primary"}
              onClick={() => openEncryption({ kind: "recovery" })}
            >
              {t(recovery === "missing" ? "recovery.setUp" : "encryption.recovery.change")}
            </Button>
          </Row>
          <Row label={t("encryption.backup")} value={backupText(status, t)} good={backup.on} />
          {recovery === "ready" && (
            <Row
              label={t("encryption.dehydrated")}
              value={t(dehydrated ? "encryption.dehydrated.on" : "encryption.dehydrated.off")}
              good={dehydrated}
            />
          )}
        </>
      )}
      {ready && (
        <div className="encryption__actions">
          <Button onClick={() => setLayer("export")}>{t("encryption.export")}</Button>
          <Button onClick={() => setLayer("import")}>{t("encryption.import")}</Button>
          <Button kind="danger-quiet" onClick={() => setLayer("reset")}>
            {t("encryption.reset")}
          </Button>
        </div>
      )}
      {layer === "reset" && <ResetIdentity onClose={close} />}
      {layer === "export" && <ExportKeys onClose={close} />}
      {layer === "import" && <ImportKeys onClose={close} />}
    </section>
  );
}

function Row({ label, value, good, children }: { label: string; value: string; good: boolean; children?: ReactNode }) {
  return (
    <div className="settings__row encryption__row">
      <div>
        <div>{label}</div>
        <div className="encryption__value" data-good={good}>
          {value}
        </div>
      </div>
      {children}
    </div>
  );
}

type Translate = ReturnType<typeof useT>;

function sessionText({ engine, session }: EncryptionStatus, t: Translate): string {
  if (engine === "failed") return t("encryption.session.failed");
  if (engine === "loading" || session === "unknown" || session === "no-identity")
    return t("encryption.session.starting");
  return t(`encryption.session.${session}`);
}

function recoveryText({ recovery }: EncryptionStatus, t: Translate): string {
  return recovery === "unknown" ? "" : t(`encryption.recovery.${recovery}`);
}

function backupText({ backup }: EncryptionStatus, t: Translate): string {
  if (!backup.on) return t("encryption.backup.off");
  return backup.waiting > 0 ? t.count("encryption.backup.waiting", backup.waiting) : t("encryption.backup.on");
}

function ExportKeys({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [passphrase, setPassphrase] = useState("");
  const { busy, problem, run } = useAttempt();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const saved = await run(async () => {
      saveFile(new File([await encryption.exportKeys(passphrase)], "im2-keys.txt"));
    });
    if (saved) onClose();
  };
  return (
    <Dialog title={t("encryption.export")} onClose={onClose}>
      <form className="dialog__body" onSubmit={save}>
        <p className="encryption__text">{t("encryption.export.text")}</p>
        <PasswordField label={t("recovery.passphrase")} value={passphrase} onChange={setPassphrase} />
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={passphrase.length < 8}>
            {t("encryption.export")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function ImportKeys({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [file, setFile] = useState<File>();
  const [passphrase, setPassphrase] = useState("");
  const [imported, setImported] = useState<number>();
  const { busy, problem, run } = useAttempt();
  const read = (event: FormEvent) => {
    event.preventDefault();
    setImported(undefined);
    if (file !== undefined) void run(async () => setImported(await encryption.importKeys(file, passphrase)));
  };
  return (
    <Dialog title={t("encryption.import")} onClose={onClose}>
      <form className="dialog__body" onSubmit={read}>
        <p className="encryption__text">{t("encryption.import.text")}</p>
        <Field label={t("encryption.import.file")}>
          {(ids) => <input {...ids} type="file" onChange={(event) => setFile(event.target.files?.[0])} />}
        </Field>
        <PasswordField
          label={t("recovery.passphrase")}
          autoComplete="current-password"
          value={passphrase}
          onChange={setPassphrase}
        />
        <ProblemNotice problem={problem} />
        {imported !== undefined && (
          <p className="notice notice--good" role="status">
            {t.count("encryption.imported", imported)}
          </p>
        )}
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.close")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={file === undefined || passphrase === ""}>
            {t("encryption.import")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
