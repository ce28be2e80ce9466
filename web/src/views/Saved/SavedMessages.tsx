import { Bookmark, BookmarkX } from "lucide-react";
import { useEffect, useState } from "react";
import { useAccount, useNow, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { MessageSummary, SavedMessage } from "../../matrix/types.ts";
import { EmptyState, IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { MessageCard } from "../../ui/MessageCard.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import "./SavedMessages.css";

/** What somebody has saved from all conversations, newest first. */
export function SavedMessages({ onClose }: { onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const saved = useReadable(account.saved.list);
  return (
    <Dialog title={t("saved.title")} onClose={onClose} className="saved">
      {saved.length === 0 ? (
        <EmptyState icon={<Bookmark />} text={t("saved.empty")} />
      ) : (
        <ul className="saved__list">
          {saved.map((entry) => (
            <li key={entry.id}>
              <Entry entry={entry} onClose={onClose} />
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

function Entry({ entry, onClose }: { entry: SavedMessage; onClose: () => void }) {
  const t = useT();
  const now = useNow();
  const account = useAccount();
  const [message, setMessage] = useState<MessageSummary | "gone">();
  useEffect(() => {
    let current = true;
    void account.saved.load(entry).then((found) => current && setMessage(found ?? "gone"));
    return () => {
      current = false;
    };
  }, [account, entry]);
  const remove = (
    <IconButton
      label={t("action.unbookmark")}
      onClick={() => void attempt(() => account.saved.set(entry.roomId, entry.id, false))}
    >
      <BookmarkX />
    </IconButton>
  );
  if (message === undefined) return <div className="skeleton saved__wait" />;
  if (message === "gone") {
    return (
      <div className="saved__gone">
        {t("saved.gone")}
        {remove}
      </div>
    );
  }
  const room = account.conversations.describe(entry.roomId)?.name ?? "";
  return (
    <MessageCard
      message={message}
      detail={t("saved.in", { room })}
      now={now}
      onOpen={() => {
        onClose();
        router.go({ name: "room", roomId: entry.roomId, eventId: entry.id });
      }}
    >
      {remove}
    </MessageCard>
  );
}
