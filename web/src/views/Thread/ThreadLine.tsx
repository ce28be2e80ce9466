import "./Thread.css";
import { MessagesSquare } from "lucide-react";
import { useT } from "../../base/hooks.ts";
import { bodyText } from "../../lib/summary.ts";
import type { ThreadSummary } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";

/** Under the message that a thread began with: how many replies, and the last one. */
export function ThreadLine({ thread, onOpen }: { thread: ThreadSummary; onOpen: () => void }) {
  const t = useT();
  const { count, last, unread } = thread;
  return (
    <button type="button" className="thread-line" onClick={onOpen}>
      <MessagesSquare aria-hidden />
      <span className="thread-line__count">{t.count("thread.replies", count)}</span>
      {last !== undefined && (
        <>
          <Avatar id={last.sender.id} name={last.sender.name} picture={last.sender.avatar} size="xs" />
          <bdi className="thread-line__last ellipsis">{bodyText(last.body, last.sender, t)}</bdi>
        </>
      )}
      {unread > 0 && (
        <span className="badge" role="img" aria-label={t.count("chats.unread", unread)}>
          {unread}
        </span>
      )}
    </button>
  );
}
