import {
  ArrowLeft,
  AtSign,
  BellOff,
  BookOpen,
  CalendarSearch,
  EllipsisVertical,
  Images,
  Lock,
  MessagesSquare,
  PanelRight,
  Search,
} from "lucide-react";
import { useState } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { typingText } from "../../lib/summary.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton } from "../../ui/controls.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import type { MenuItem } from "../../ui/Popover.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { CallButtons } from "../Call/slots.tsx";
import type { DrawerView } from "../Details/Drawer.tsx";
import { JumpToDate } from "./JumpToDate.tsx";

interface HeaderProps {
  model: ConversationModel;
  conversation: Conversation;
  detailsOpen: boolean;
  onDetails: () => void;
  onView: (view: DrawerView) => void;
}

/** Who one talks with. Typing takes the place of the second line, so that nothing moves. */
export function Header({ model, conversation, detailsOpen, onDetails, onView }: HeaderProps) {
  const t = useT();
  const details = useReadable(model.room.details);
  // On a phone the banner that says so is in the list, which is not there now.
  const lost = useReadable(useAccount().status) === "reconnecting";
  const offline = usePhone() && lost;
  const { name, avatar, colourId, direct, typing, muted, encrypted } = conversation;
  const subtitle = direct ? (details.peer ?? "") : t.count("details.members", details.memberCount);
  return (
    <header className="header">
      <BackButton />
      <button type="button" className="header__who" onClick={onDetails} title={t("details.open")}>
        <Avatar id={colourId} name={name} picture={avatar} square={!direct} />
        <span className="header__text">
          <span className="header__name">
            <bdi className="ellipsis">{name}</bdi>
            {encrypted === true && <Lock className="header__lock" role="img" aria-label={t("encryption.on")} />}
            {muted && <BellOff aria-label={t("chats.muted")} />}
          </span>
          {offline ? (
            <span className="header__sub ellipsis" role="status">
              {t("connection.lost")}
            </span>
          ) : typing.length > 0 ? (
            <span className="header__sub header__sub--typing ellipsis" role="status">
              {direct ? t("typing.short") : typingText(typing, t)}
            </span>
          ) : (
            <span className="header__sub ellipsis">{subtitle}</span>
          )}
        </span>
      </button>
      <CallButtons conversation={conversation} />
      <IconButton label={t("roomSearch.title")} onClick={() => onView({ kind: "search" })}>
        <Search />
      </IconButton>
      <HeaderMenu model={model} highlights={conversation.highlights} onView={onView} />
      <IconButton label={t("details.open")} aria-pressed={detailsOpen} onClick={onDetails}>
        <PanelRight />
      </IconButton>
    </header>
  );
}

/** What else can be done in a conversation. */
interface HeaderMenuProps {
  model: ConversationModel;
  highlights: number;
  onView: (view: DrawerView) => void;
}

function HeaderMenu({ model, highlights, onView }: HeaderMenuProps) {
  const t = useT();
  const [choosingDate, setChoosingDate] = useState(false);
  const items: MenuItem[] = [
    { label: t("thread.list"), icon: <MessagesSquare />, onSelect: () => onView({ kind: "threads" }) },
    { label: t("shared.title"), icon: <Images />, onSelect: () => onView({ kind: "shared" }) },
    { label: t("jump.date"), icon: <CalendarSearch />, onSelect: () => setChoosingDate(true) },
    { label: t("jump.unread"), icon: <BookOpen />, onSelect: () => void model.jumpToUnread() },
  ];
  if (highlights > 0)
    items.push({ label: t("jump.mention"), icon: <AtSign />, onSelect: () => void model.jumpToMention() });
  return (
    <>
      <MenuButton label={t("action.more")} icon={<EllipsisVertical />} items={items} />
      {choosingDate && <JumpToDate model={model} onClose={() => setChoosingDate(false)} />}
    </>
  );
}

/** Leads back to the list where there is room for one pane only. */
export function BackButton() {
  const t = useT();
  if (!usePhone()) return null;
  return (
    <IconButton label={t("action.back")} className="back-button" onClick={() => router.back()}>
      <ArrowLeft />
    </IconButton>
  );
}
