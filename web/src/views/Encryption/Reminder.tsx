/** A quiet word above the list of what is not set up yet, and how far a backup has been read. */
import "./Notices.css";
import { KeyRound, ShieldQuestion, X } from "lucide-react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Button, IconButton } from "../../ui/controls.tsx";
import { openEncryption, putOff, remindLater, reminderFor } from "../../viewmodels/encryption.ts";

export function Reminder() {
  const t = useT();
  const { encryption } = useAccount();
  const status = useReadable(encryption.status);
  const since = useReadable(putOff);
  const reminder = reminderFor(status, since);
  if (status.restoring !== undefined) {
    const { done, total } = status.restoring;
    return (
      <div className="reminder reminder--progress" role="status">
        <p>{t("recovery.restoring", { done, total })}</p>
        <progress value={done} max={Math.max(1, total)} aria-hidden />
      </div>
    );
  }
  if (reminder === undefined) return null;
  const verify = reminder === "verify";
  return (
    <aside className="reminder" aria-label={t(verify ? "verify.title" : "recovery.title")}>
      {verify ? <ShieldQuestion aria-hidden /> : <KeyRound aria-hidden />}
      <div className="reminder__text">
        <strong>{t(verify ? "verify.title" : "recovery.title")}</strong>
        <p>{t(verify ? "verify.reminder" : "recovery.reminder")}</p>
        <Button kind="text" onClick={() => openEncryption({ kind: verify ? "verify" : "recovery" })}>
          {t(verify ? "verify.action" : "recovery.setUp")}
        </Button>
      </div>
      {!verify && (
        <IconButton label={t("recovery.later")} onClick={() => remindLater()}>
          <X />
        </IconButton>
      )}
    </aside>
  );
}
