import "./ForwardDialog.css";
import { Check, Send } from "lucide-react";
import { useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, SearchBox } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { rankConversations } from "../../viewmodels/switcher.ts";
import { showProblem, showToast } from "../../viewmodels/toasts.ts";

interface ForwardDialogProps {
  room: RoomHandle;
  eventIds: readonly string[];
  onDone?: () => void;
  onClose: () => void;
}

/** Chooses the conversations that messages are forwarded to. */
export function ForwardDialog({ room, eventIds, onDone, onClose }: ForwardDialogProps) {
  const t = useT();
  const account = useAccount();
  const all = useReadable(account.conversations.list).filter(({ membership }) => membership === "join");
  const [term, setTerm] = useState("");
  const [picked, setPicked] = useState<readonly string[]>([]);
  const [busy, setBusy] = useState(false);
  const found = rankConversations(all, term);
  const toggle = (id: string) =>
    setPicked(picked.includes(id) ? picked.filter((other) => other !== id) : [...picked, id]);
  const send = async () => {
    setBusy(true);
    // Those that have it leave the list, so that trying again only concerns the others.
    for (const id of picked) {
      try {
        await room.messages.forward(eventIds, id, account.conversations.get(id)?.encrypted === true);
        setPicked((left) => left.filter((other) => other !== id));
      } catch (error) {
        showProblem(error);
        setBusy(false);
        return;
      }
    }
    showToast({ tone: "done", message: { key: "forward.done" } });
    onDone?.();
    onClose();
  };
  return (
    <Dialog title={t.count("forward.title", eventIds.length)} onClose={onClose}>
      <div className="dialog__body forward">
        <SearchBox label={t("forward.search")} value={term} autoFocus onChange={setTerm} />
        <ul className="forward__list" aria-label={t("chats.list")}>
          {found.map(({ id, name, avatar, colourId, direct }) => (
            <li key={id}>
              <button
                type="button"
                className="forward__chat"
                aria-pressed={picked.includes(id)}
                onClick={() => toggle(id)}
              >
                <Avatar id={colourId} name={name} picture={avatar} square={!direct} />
                <bdi className="ellipsis">{name}</bdi>
                {picked.includes(id) && <Check aria-hidden />}
              </button>
            </li>
          ))}
          {found.length === 0 && <li className="forward__none">{t("switcher.none")}</li>}
        </ul>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" busy={busy} disabled={picked.length === 0} onClick={() => void send()}>
            <Send aria-hidden />
            {t.count("forward.send", picked.length)}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
