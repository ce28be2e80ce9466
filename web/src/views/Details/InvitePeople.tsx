import { useMemo, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Member, Person } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { PeoplePicker } from "../People/PeoplePicker.tsx";

interface InvitePeopleProps {
  room: RoomHandle;
  members: readonly Member[];
  onClose: () => void;
}

export function InvitePeople({ room, members, onClose }: InvitePeopleProps) {
  const t = useT();
  const [picked, setPicked] = useState<readonly Person[]>([]);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const present = useMemo(() => new Set(members.map(({ id }) => id)), [members]);
  const invite = async () => {
    setBusy(true);
    setProblem(undefined);
    // Whoever has been invited leaves the list, so that trying again only concerns the others.
    for (const person of picked) {
      try {
        await room.invite(person.id);
        setPicked((all) => all.filter(({ id }) => id !== person.id));
      } catch (error) {
        setProblem(problemOf(error));
        setBusy(false);
        return;
      }
    }
    onClose();
  };
  return (
    <Dialog title={t("details.invite.title")} onClose={onClose}>
      <div className="dialog__body">
        <PeoplePicker picked={picked} onChange={setPicked} exclude={present} autoFocus />
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" busy={busy} disabled={picked.length === 0} onClick={() => void invite()}>
            {t("action.invite")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
