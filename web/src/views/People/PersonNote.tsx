import { type FormEvent, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { MAX_REMARK } from "../../lib/contacts.ts";
import type { PersonDetails } from "../../matrix/types.ts";
import { Button, Field } from "../../ui/controls.tsx";
import type { PersonModel } from "../../viewmodels/personprofile.ts";
import { attempt } from "../../viewmodels/toasts.ts";

/** What one notes about somebody; they never see it. */
export function PersonNote({ model, person }: { model: PersonModel; person: PersonDetails }) {
  const t = useT();
  const written = person.tags.join(t("person.tags.separator"));
  const [remark, setRemark] = useState(person.remark);
  const [tags, setTags] = useState(written);
  const [busy, setBusy] = useState(false);
  const changed = remark.trim() !== person.remark || tags.trim() !== written;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    await attempt(() => model.saveNote(remark, tags));
    setBusy(false);
  };
  return (
    <form className="person__section person__note" onSubmit={save}>
      <Field label={t("person.remark")} hint={t("person.remark.hint")}>
        {(ids) => (
          <input
            {...ids}
            className="field__input"
            name="remark"
            autoComplete="off"
            maxLength={MAX_REMARK}
            placeholder={person.ownName}
            value={remark}
            onChange={(event) => setRemark(event.target.value)}
          />
        )}
      </Field>
      <Field label={t("person.tags")} hint={t("person.tags.hint")}>
        {(ids) => (
          <input
            {...ids}
            className="field__input"
            name="tags"
            autoComplete="off"
            maxLength={400}
            value={tags}
            onChange={(event) => setTags(event.target.value)}
          />
        )}
      </Field>
      {changed && (
        <div className="person__save">
          <Button type="submit" kind="primary" busy={busy}>
            {t("action.save")}
          </Button>
        </div>
      )}
    </form>
  );
}
