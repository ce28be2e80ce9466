import { type FormEvent, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";

/** Leads to the first message of a day. */
export function JumpToDate({ model, onClose }: { model: ConversationModel; onClose: () => void }) {
  const t = useT();
  const [day, setDay] = useState("");
  const [busy, setBusy] = useState(false);
  const jump = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    // Without a zone it is midnight where somebody sits.
    const done = await attempt(async () =>
      model.jumpTo(await model.room.history.at(new Date(`${day}T00:00:00`).getTime())),
    );
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog title={t("jump.date")} onClose={onClose} className="dialog--confirm">
      <form className="dialog__body" onSubmit={jump}>
        <Field label={t("jump.day")}>
          {(ids) => (
            <input
              {...ids}
              type="date"
              className="field__input"
              required
              autoFocus
              max={new Date().toLocaleDateString("sv-SE")}
              value={day}
              onChange={(event) => setDay(event.target.value)}
            />
          )}
        </Field>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={day === ""}>
            {t("jump.go")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
