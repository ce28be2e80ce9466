import { type FormEvent, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { PersonModel } from "../../viewmodels/personprofile.ts";
import { showToast } from "../../viewmodels/toasts.ts";

/** Tells the administrators about somebody. */
export function ReportPerson({ model, name, onClose }: { model: PersonModel; name: string; onClose: () => void }) {
  const t = useT();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await model.report(reason);
      showToast({ tone: "done", message: { key: "person.reported" } });
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("person.report.title", { name })} onClose={onClose}>
      <form className="dialog__body" onSubmit={send}>
        <p>{t("person.report.text")}</p>
        <Field label={t("person.report.reason")}>
          {(ids) => (
            <textarea
              {...ids}
              className="field__input"
              maxLength={1000}
              required
              autoFocus
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={reason.trim() === ""}>
            {t("person.report.send")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
