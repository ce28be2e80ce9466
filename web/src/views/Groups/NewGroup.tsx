import "./Groups.css";
import { type FormEvent, useState } from "react";
import { useAccount, useT } from "../../app/hooks.ts";
import { router } from "../../app/router.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import type { Person } from "../../matrix/types.ts";
import { Button, Field, Switch } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { PeoplePicker } from "../People/PeoplePicker.tsx";

export function NewGroup({ onClose }: { onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [isPublic, setPublic] = useState(false);
  const [alias, setAlias] = useState<string>();
  const [people, setPeople] = useState<readonly Person[]>([]);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const address = alias ?? aliasFrom(name);
  const create = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || name.trim() === "") return;
    setBusy(true);
    setProblem(undefined);
    try {
      const invite = people.map(({ id }) => id);
      const group = { name: name.trim(), topic: topic.trim(), public: isPublic, alias: address, invite };
      router.go({ name: "room", roomId: await account.directory.createGroup(group) });
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("group.new.title")} onClose={onClose}>
      <form className="dialog__body" onSubmit={create}>
        <TextField label={t("group.new.name")} value={name} onChange={setName} required autoFocus maxLength={120} />
        <TextField label={t("group.new.topic")} value={topic} onChange={setTopic} maxLength={500} />
        <Switch
          label={t("group.new.public")}
          hint={t(isPublic ? "group.new.public.hint" : "group.new.private.hint")}
          checked={isPublic}
          onChange={setPublic}
        />
        {isPublic && (
          <AddressField value={address} onChange={setAlias} server={account.userId.replace(/^[^:]*:/, "")} />
        )}
        <div className="new-group__people">
          <span className="field__label">{t("people.pick")}</span>
          <PeoplePicker picked={people} onChange={setPeople} />
        </div>
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={name.trim() === ""}>
            {t("group.new.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface TextFieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
  autoFocus?: boolean;
  maxLength?: number;
}

function TextField({ label, onChange, ...rest }: TextFieldProps) {
  return (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          {...rest}
          className="field__input"
          autoComplete="off"
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

function AddressField({
  value,
  onChange,
  server,
}: {
  value: string;
  onChange: (value: string) => void;
  server: string;
}) {
  const t = useT();
  return (
    <Field label={t("group.new.address")}>
      {(ids) => (
        <span className="new-group__address field__input">
          <span className="field__affix">#</span>
          <input
            {...ids}
            autoComplete="off"
            spellCheck={false}
            value={value}
            onChange={(event) => onChange(event.target.value.replace(/[\s:#]/g, ""))}
          />
          <span className="field__affix ellipsis">:{server}</span>
        </span>
      )}
    </Field>
  );
}

/** A first proposal for the address; Han and other letters are allowed and kept. */
function aliasFrom(name: string): string {
  return name
    .trim()
    .toLocaleLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
}
