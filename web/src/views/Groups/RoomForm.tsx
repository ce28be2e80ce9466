import "./Groups.css";
import { type FormEvent, type ReactNode, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { router, type Route } from "../../base/router.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import { Button, Field, Switch } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";

/** What a group and a space say of themselves. */
export interface RoomAbout {
  name: string;
  topic: string;
  public: boolean;
  /** The first part of its address, if it is public. */
  alias: string;
}

interface RoomFormProps {
  title: string;
  nameLabel: string;
  action: string;
  /** What it means that it is not public. */
  privateHint: string;
  /** Before and after the fields that all have. */
  before?: ReactNode;
  after?: (isPublic: boolean) => ReactNode;
  /** Makes it, and answers with where it is. */
  onCreate: (about: RoomAbout) => Promise<Route>;
  onClose: () => void;
}

/** Makes a group or a space, and leads there. */
export function RoomForm({ title, nameLabel, action, privateHint, before, after, onCreate, onClose }: RoomFormProps) {
  const t = useT();
  const { userId } = useAccount();
  const [name, setName] = useState("");
  const [topic, setTopic] = useState("");
  const [isPublic, setPublic] = useState(false);
  const [alias, setAlias] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const address = alias ?? aliasFrom(name);
  const create = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || name.trim() === "") return;
    setBusy(true);
    setProblem(undefined);
    try {
      router.go(await onCreate({ name: name.trim(), topic: topic.trim(), public: isPublic, alias: address }));
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="dialog__body" onSubmit={create}>
        {before}
        <TextField label={nameLabel} value={name} onChange={setName} required autoFocus maxLength={120} />
        <TextField label={t("group.new.topic")} value={topic} onChange={setTopic} maxLength={500} />
        <Switch
          label={t("group.new.public")}
          hint={isPublic ? t("group.new.public.hint") : privateHint}
          checked={isPublic}
          onChange={setPublic}
        />
        {isPublic && <AddressField value={address} onChange={setAlias} server={userId.replace(/^[^:]*:/, "")} />}
        {after?.(isPublic)}
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={name.trim() === ""}>
            {action}
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
