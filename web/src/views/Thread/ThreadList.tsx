import { MessagesSquare } from "lucide-react";
import { useEffect, useState } from "react";
import { useNow, useReadable, useT } from "../../base/hooks.ts";
import { bodyText } from "../../lib/summary.ts";
import { EmptyState } from "../../ui/controls.tsx";
import { MessageCard } from "../../ui/MessageCard.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import "./Thread.css";

/** The threads of a conversation, the one with the newest reply first. */
export function ThreadList({ model, onOpen }: { model: ConversationModel; onOpen: (rootId: string) => void }) {
  const t = useT();
  const now = useNow();
  const { threads } = model.room;
  const list = useReadable(threads.list);
  const [loaded, setLoaded] = useState(false);
  useEffect(() => void attempt(() => threads.load()).then(() => setLoaded(true)), [threads]);
  if (list.length === 0) {
    if (!loaded) return <div className="skeleton saved__wait" />;
    return <EmptyState icon={<MessagesSquare />} text={t("thread.none")} />;
  }
  return (
    <ul className="drawer__list" aria-label={t("thread.list")}>
      {list.map(({ root, count, last, unread }) => (
        <li key={root.id}>
          <MessageCard
            message={root}
            now={now}
            onOpen={() => onOpen(root.id)}
            text={
              <>
                {bodyText(root.body, root.sender, t)}
                <span className="thread-card__foot">
                  {t.count("thread.replies", count)}
                  {last !== undefined && <bdi className="ellipsis">{last.sender.name}</bdi>}
                  {unread > 0 && <span className="badge">{unread}</span>}
                </span>
              </>
            }
          />
        </li>
      ))}
    </ul>
  );
}
