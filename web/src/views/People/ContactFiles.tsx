import { Download, Upload } from "lucide-react";
import { useRef, useState } from "react";
import { useT } from "../../base/hooks.ts";
import type { ContactFormat } from "../../lib/contactfile.ts";
import { saveFile } from "../../lib/save.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import { Button, Segments } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import type { ContactsModel } from "../../viewmodels/people.ts";
import { LockedNotes } from "./LockedNotes.tsx";

const FORMATS: readonly { value: ContactFormat; label: string }[] = [
  { value: "vcard", label: "vCard" },
  { value: "csv", label: "CSV" },
  { value: "json", label: "JSON" },
];

/** Takes contacts along, and brings them in. */
export function ContactFiles({ model, total, onClose }: { model: ContactsModel; total: number; onClose: () => void }) {
  const t = useT();
  const picker = useRef<HTMLInputElement>(null);
  const [format, setFormat] = useState<ContactFormat>("vcard");
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<number | "unreadable">();
  const [problem, setProblem] = useState<Problem>();
  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    setBusy(true);
    setResult(undefined);
    setProblem(undefined);
    try {
      setResult((await model.import(file)) ?? "unreadable");
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <Dialog title={t("people.files")} onClose={onClose}>
      <div className="dialog__body contact-files">
        <section className="contact-files__part">
          <h3>{t("people.export")}</h3>
          <p className="person__quiet">{t.count("people.export.text", total)}</p>
          <LockedNotes />
          <Segments label={t("people.export.format")} value={format} options={FORMATS} onChange={setFormat} />
          <Button disabled={total === 0} onClick={() => saveFile(model.export(format))}>
            <Download aria-hidden />
            {t("people.export.save")}
          </Button>
        </section>
        <section className="contact-files__part">
          <h3>{t("people.import")}</h3>
          <p className="person__quiet">{t("people.import.text")}</p>
          <Button busy={busy} onClick={() => picker.current?.click()}>
            <Upload aria-hidden />
            {t("people.import.choose")}
          </Button>
          <input
            ref={picker}
            type="file"
            accept=".vcf,.csv,.json,text/vcard,text/csv,application/json"
            hidden
            onChange={(event) => {
              void take(event.target.files?.[0]);
              event.target.value = "";
            }}
          />
          {result === "unreadable" && (
            <p className="notice notice--problem" role="alert">
              {t("people.import.unreadable")}
            </p>
          )}
          {typeof result === "number" && (
            <p className="notice notice--good" role="status">
              {t.count("people.import.done", result)}
            </p>
          )}
          <ProblemNotice problem={problem} />
        </section>
      </div>
    </Dialog>
  );
}
