import { Check, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog, Done } from "../../ui/Dialog.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

/** A tag has at most 255 bytes; a name that long would not fit anywhere. */
const LONGEST = 30;

/** Puts a conversation into folders of one's own; a folder is there as long as something is in it. */
export default function Labels({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const all = useReadable(account.conversations.list);
  const [name, setName] = useState("");
  const [changing, setChanging] = useState<string>();
  const given = all.find(({ id }) => id === conversation.id)?.labels ?? [];
  const known = [...new Set(all.flatMap(({ labels }) => labels ?? []))].sort((a, b) => a.localeCompare(b));
  const set = async (label: string, on: boolean) => {
    setChanging(label);
    const done = await attempt(async () => (await account.openRoom(conversation.id))?.setLabel(label, on));
    setChanging(undefined);
    return done;
  };
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = name.trim();
    // Two folders whose names differ in case only would be a slip of the hand.
    const label = known.find((other) => other.toLocaleLowerCase() === wanted.toLocaleLowerCase()) ?? wanted;
    if (label !== "" && (await set(label, true))) setName("");
  };
  return (
    <Dialog title={t("labels.title", { name: conversation.name })} onClose={onClose}>
      <div className="dialog__body">
        <p>{t("labels.text")}</p>
        {known.length > 0 && (
          <ul className="labels" aria-label={t("chats.labels")}>
            {known.map((label) => (
              <li key={label}>
                <button
                  type="button"
                  role="checkbox"
                  aria-checked={given.includes(label)}
                  aria-busy={changing === label}
                  className="labels__label"
                  onClick={() => void set(label, !given.includes(label))}
                >
                  <bdi className="ellipsis">{label}</bdi>
                  <span className="labels__check" aria-hidden>
                    {given.includes(label) && <Check />}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
        <form className="labels__new" onSubmit={add}>
          <input
            className="field__input"
            aria-label={t("labels.new")}
            placeholder={t("labels.new")}
            autoComplete="off"
            maxLength={LONGEST}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <Button type="submit" disabled={name.trim() === ""} busy={changing !== undefined}>
            <Plus aria-hidden />
            {t("labels.add")}
          </Button>
        </form>
        <Done onClose={onClose} />
      </div>
    </Dialog>
  );
}
