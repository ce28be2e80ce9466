import { Archive, ArchiveRestore, AtSign, BellOff, CircleAlert, Clock, Mail, MailOpen, Phone, Pin } from "lucide-react";
import { lazy, memo, Suspense, useEffect, useRef, useState } from "react";
import { useAccount, useNow, useSelected, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import type { Translate } from "../../i18n/index.ts";
import { classes } from "../../lib/classes.ts";
import { previewText, typingText } from "../../lib/summary.ts";
import { fullTime, listTime } from "../../lib/time.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { useLongPress } from "../../ui/useLongPress.ts";
import { together, useSwipe } from "../../ui/useSwipe.ts";
import { drafts } from "../../viewmodels/drafts.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { ChatMenu, LeaveChat } from "./ChatMenu.tsx";

const Labels = lazy(() => import("./Labels.tsx"));

interface ChatRowProps {
  conversation: Conversation;
  selected: boolean;
  /** Told of a row whose conversation is not loaded; returns what to call when the row goes. */
  onSight: (roomId: string) => () => void;
}

export const ChatRow = memo(function ChatRow({ conversation, selected, onSight }: ChatRowProps) {
  const t = useT();
  const now = useNow();
  const { id, name, avatar, colourId, direct, activity, muted, pinned, membership } = conversation;
  const unread =
    membership === "invite" ||
    conversation.markedUnread === true ||
    (conversation.unread > 0 && !muted) ||
    conversation.highlights > 0;
  const { partial } = conversation;
  useEffect(() => (partial ? onSight(id) : undefined), [partial, id, onSight]);
  const row = useRef<HTMLDivElement>(null);
  const [menu, setMenu] = useState<Element | "leave" | "labels">();
  const pressed = useRef(false);
  const [close] = useState(() => () => setMenu(undefined));
  const openMenu = () => {
    const anchor = row.current?.querySelector(".chat-row");
    if (anchor && membership === "join") setMenu(anchor);
  };
  const press = useLongPress(() => {
    pressed.current = true;
    openMenu();
  });
  const account = useAccount();
  const read = conversation.unread === 0 && conversation.markedUnread !== true;
  const archived = conversation.archived === true;
  const { swiped, handlers } = useSwipe(
    row,
    membership === "join"
      ? {
          onLeft: () => void attempt(async () => (await account.openRoom(id))?.setArchived(!archived)),
          onRight: () => void attempt(async () => (await account.openRoom(id))?.markUnread(read)),
        }
      : {},
  );
  return (
    <div
      ref={row}
      className="chat-row__place"
      onContextMenu={(event) => {
        if (membership !== "join") return;
        event.preventDefault();
        openMenu();
      }}
      // The tap that ends a long touch does not open the conversation.
      onClickCapture={(event) => {
        if (pressed.current) event.preventDefault();
        pressed.current = false;
      }}
      {...together(press, handlers)}
    >
      {swiped && (
        <>
          <span className="chat-row__swipe" data-side="right" aria-hidden>
            {read ? <Mail /> : <MailOpen />}
          </span>
          <span className="chat-row__swipe" data-side="left" aria-hidden>
            {archived ? <ArchiveRestore /> : <Archive />}
          </span>
        </>
      )}
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
          {conversation.inCall !== undefined && (
            <span className="chat-row__call" role="img" aria-label={t("chats.inCall", { count: conversation.inCall })}>
              <Phone aria-hidden />
              {conversation.inCall}
            </span>
          )}
          <Line conversation={conversation} selected={selected} t={t} />
          <Marks conversation={conversation} t={t} />
          {pinned && conversation.unread === 0 && <Pin className="chat-row__mark" aria-label={t("chats.pinned")} />}
        </span>
      </Link>
      {menu === "leave" && <LeaveChat conversation={conversation} onClose={close} />}
      {menu === "labels" && (
        <Suspense fallback={null}>
          <Labels conversation={conversation} onClose={close} />
        </Suspense>
      )}
      {menu instanceof Element && (
        <ChatMenu
          conversation={conversation}
          anchor={menu}
          // The menu closes before its action runs, and the question takes its place.
          onLabels={() => setTimeout(() => setMenu("labels"), 0)}
          onLeave={() => setTimeout(() => setMenu("leave"), 0)}
          onClose={close}
        />
      )}
    </div>
  );
});

interface LineProps extends Omit<ChatRowProps, "onSight"> {
  t: Translate;
}

/** Who is typing, else what was not sent, else the last message. */
function Line({ conversation, selected, t }: LineProps) {
  const draft = useSelected(drafts, (all) => all[conversation.id]);
  const { typing, direct, preview, membership } = conversation;
  if (membership === "invite") {
    return <span className="chat-row__text ellipsis">{invitationText(conversation, t)}</span>;
  }
  if (membership === "leave" || membership === "ban")
    return (
      <span className="chat-row__text ellipsis">{t(membership === "ban" ? "chats.banned" : "chats.removed")}</span>
    );
  if (membership === "knock") return <span className="chat-row__text ellipsis">{t("chats.knocked")}</span>;
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

/** What came with an invitation, else who has sent it. */
function invitationText({ inviter, note, direct }: Conversation, t: Translate): string {
  if (inviter === undefined) return note ?? t("chats.invitation");
  if (note === undefined) return t("chats.invited", { name: inviter.name });
  return direct ? note : t("preview.from", { name: inviter.name, text: note });
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
      {unread === 0 && conversation.markedUnread === true && (
        <span className="badge chat-row__dot" role="img" aria-label={t("chats.markedUnread")} />
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
