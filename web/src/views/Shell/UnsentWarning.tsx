import { useReadable, useT } from "../../base/hooks.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { app } from "../../viewmodels/app.ts";

/** Asks before signing out loses what has not been sent. */
export function UnsentWarning() {
  const t = useT();
  const unsent = useReadable(app.unsent);
  if (unsent === undefined) return null;
  return (
    <Dialog title={t("outbox.leave.title")} onClose={() => app.stay()} className="dialog--confirm">
      <div className="dialog__body">
        <p>{t.count("outbox.leave.text", unsent)}</p>
        <div className="dialog__foot">
          <Button kind="danger-quiet" onClick={() => void app.signOutNow()}>
            {t("outbox.leave.action")}
          </Button>
          <Button kind="primary" autoFocus onClick={() => app.stay()}>
            {t("outbox.leave.back")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
