import { PinOff } from "lucide-react";
import { useNow, useReadable, useT } from "../../base/hooks.ts";
import { IconButton } from "../../ui/controls.tsx";
import { MessageCard } from "../../ui/MessageCard.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";

/** All pinned messages, the newest pin first. */
export function PinnedList({ model }: { model: ConversationModel }) {
  const t = useT();
  const now = useNow();
  const { room } = model;
  const pins = useReadable(room.pins.list);
  const { can } = useReadable(room.details);
  if (pins.length === 0) return <p className="drawer__none">{t("pins.none")}</p>;
  return (
    <ul className="drawer__list" aria-label={t("pins.title")}>
      {[...pins].reverse().map(({ id, message }) => (
        <li key={id}>
          {message === undefined ? (
            <div className="skeleton saved__wait" />
          ) : (
            <MessageCard message={message} now={now} onOpen={() => void model.jumpTo(id)}>
              {can.pin && (
                <IconButton label={t("action.unpin")} onClick={() => void attempt(() => room.pins.set(id, false))}>
                  <PinOff />
                </IconButton>
              )}
            </MessageCard>
          )}
        </li>
      ))}
    </ul>
  );
}
