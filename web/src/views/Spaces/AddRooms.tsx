import { Check } from "lucide-react";
import { useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import type { Space } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, SearchBox } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { rankConversations } from "../../viewmodels/switcher.ts";

interface Choice {
  id: string;
  name: string;
  avatar?: string;
}

/** Chooses groups, and other spaces, that are put into a space. */
export function AddRooms({ space, onClose }: { space: Space; onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const conversations = useReadable(account.conversations.list);
  const spaces = useReadable(account.spaces.list);
  const [term, setTerm] = useState("");
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const here = new Set([...space.children, space.id]);
  const groups = conversations.filter(
    ({ id, direct, membership }) => !direct && membership === "join" && !here.has(id),
  );
  const wanted = term.trim().toLocaleLowerCase();
  const choices: readonly Choice[] = [
    ...rankConversations(groups, term),
    ...spaces.filter(
      ({ id, membership, name }) => membership === "join" && !here.has(id) && name.toLocaleLowerCase().includes(wanted),
    ),
  ];
  const toggle = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  const add = async () => {
    setBusy(true);
    setProblem(undefined);
    // What was added leaves the list, so that trying again only concerns the others.
    for (const id of picked) {
      try {
        await account.spaces.add(space.id, id);
        setPicked((all) => new Set([...all].filter((other) => other !== id)));
      } catch (error) {
        setProblem(problemOf(error));
        setBusy(false);
        return;
      }
    }
    onClose();
  };
  return (
    <Dialog title={t("space.add.title", { name: space.name })} onClose={onClose}>
      <div className="dialog__body">
        <p>{t("space.add.text")}</p>
        <SearchBox label={t("space.add.search")} value={term} onChange={setTerm} data-autofocus />
        <ul className="add-rooms" aria-label={t("space.rooms")}>
          {choices.map(({ id, name, avatar }) => (
            <li key={id}>
              <button
                type="button"
                role="checkbox"
                aria-checked={picked.has(id)}
                className="add-rooms__room"
                onClick={() => toggle(id)}
              >
                <Avatar id={id} name={name} picture={avatar} size="s" square />
                <bdi className="ellipsis">{name}</bdi>
                <span className="add-rooms__check" aria-hidden>
                  {picked.has(id) && <Check />}
                </span>
              </button>
            </li>
          ))}
          {choices.length === 0 && <li className="picker__none">{t("space.add.none")}</li>}
        </ul>
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" busy={busy} disabled={picked.size === 0} onClick={() => void add()}>
            {t("space.add.action")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
