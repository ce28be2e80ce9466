import { AtSign, BellOff, CircleAlert, Clock, Pin } from "lucide-react";
import { memo } from "react";
import { useNow, useReadable, useT } from "../../app/hooks.ts";
import { Link } from "../../app/Link.tsx";
import type { Translate } from "../../i18n/index.ts";
import { classes } from "../../lib/classes.ts";
import { previewText, typingText } from "../../lib/summary.ts";
import { fullTime, listTime } from "../../lib/time.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { drafts } from "../../viewmodels/drafts.ts";

interface ChatRowProps {
  conversation: Conversation;
  selected: boolean;
}

export const ChatRow = memo(function ChatRow({ conversation, selected }: ChatRowProps) {
  const t = useT();
  const now = useNow();
  const { id, name, avatar, colourId, direct, activity, muted, pinned, membership } = conversation;
  const unread = membership === "invite" || (conversation.unread > 0 && !muted) || conversation.highlights > 0;
  return (
    <Link
      to={{ name: "room", roomId: id }}
      className={classes("chat-row", unread && "chat-row--unread")}
      aria-current={selected ? "true" : undefined}
    >
      <Avatar id={colourId} name={name} picture={avatar} size="l" square={!direct} />
      <span className="chat-row__top">
        <bdi className="chat-row__name ellipsis">{name}</bdi>
        {muted && <BellOff className="chat-row__mark" aria-label={t("chats.muted")} />}
        {activity > 0 && (
          <time
            className="chat-row__time"
            dateTime={new Date(activity).toISOString()}
            title={fullTime(activity, t.locale)}
          >
            {listTime(activity, now, t.locale)}
          </time>
        )}
      </span>
      <span className="chat-row__bottom">
        <Line conversation={conversation} selected={selected} t={t} />
        <Marks conversation={conversation} t={t} />
        {pinned && conversation.unread === 0 && <Pin className="chat-row__mark" aria-label={t("chats.pinned")} />}
      </span>
    </Link>
  );
});

interface LineProps extends ChatRowProps {
  t: Translate;
}

/** Who is typing, else what was not sent, else the last message. */
function Line({ conversation, selected, t }: LineProps) {
  const draft = useReadable(drafts)[conversation.id];
  const { typing, direct, preview, membership, inviter } = conversation;
  if (membership === "invite") {
    const text = inviter === undefined ? t("chats.invitation") : t("chats.invited", { name: inviter.name });
    return <span className="chat-row__text ellipsis">{text}</span>;
  }
  if (typing.length > 0) {
    const text = direct ? t("typing.short") : typingText(typing, t);
    return <span className="chat-row__text chat-row__text--typing ellipsis">{text}</span>;
  }
  if (draft !== undefined && !selected) {
    return (
      <span className="chat-row__text ellipsis">
        <span className="chat-row__draft">{t("chats.draft")}</span> <bdi>{draft}</bdi>
      </span>
    );
  }
  if (preview === undefined) return <span className="chat-row__text" />;
  return (
    <span className="chat-row__text ellipsis">
      {preview.status === "failed" && <CircleAlert className="chat-row__failed" aria-label={t("message.failed")} />}
      {(preview.status === "sending" || preview.status === "waiting") && (
        <Clock className="chat-row__pending" aria-label={t("message.sending")} />
      )}
      {previewText(preview, direct, t)}
    </span>
  );
}

function Marks({ conversation, t }: { conversation: Conversation; t: Translate }) {
  const { unread, highlights, muted, membership } = conversation;
  if (membership === "invite") return <span className="badge">1</span>;
  return (
    <>
      {highlights > 0 && (
        <span className="badge chat-row__mention" role="img" aria-label={t("chats.mentioned")}>
          <AtSign aria-hidden />
        </span>
      )}
      {unread > 0 && (
        <span
          className={classes("badge", muted && "badge--muted")}
          role="img"
          aria-label={t.count("chats.unread", unread)}
        >
          {unread > 999 ? "999+" : unread}
        </span>
      )}
    </>
  );
}
