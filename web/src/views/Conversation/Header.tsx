import { ArrowLeft, BellOff, PanelRight } from "lucide-react";
import { usePhone, useReadable, useT } from "../../app/hooks.ts";
import { router } from "../../app/router.ts";
import { typingText } from "../../lib/summary.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";

interface HeaderProps {
  model: ConversationModel;
  conversation: Conversation;
  detailsOpen: boolean;
  onDetails: () => void;
}

/** Who one talks with. Typing takes the place of the second line, so that nothing moves. */
export function Header({ model, conversation, detailsOpen, onDetails }: HeaderProps) {
  const t = useT();
  const details = useReadable(model.room.details);
  const { name, avatar, colourId, direct, typing, muted } = conversation;
  const subtitle = direct ? (details.peer ?? "") : t.count("details.members", details.memberCount);
  return (
    <header className="header">
      <BackButton />
      <button type="button" className="header__who" onClick={onDetails} title={t("details.open")}>
        <Avatar id={colourId} name={name} picture={avatar} square={!direct} />
        <span className="header__text">
          <span className="header__name">
            <bdi className="ellipsis">{name}</bdi>
            {muted && <BellOff aria-label={t("chats.muted")} />}
          </span>
          {typing.length > 0 ? (
            <span className="header__sub header__sub--typing ellipsis" role="status">
              {direct ? t("typing.short") : typingText(typing, t)}
            </span>
          ) : (
            <span className="header__sub ellipsis">{subtitle}</span>
          )}
        </span>
      </button>
      <IconButton label={t("details.open")} aria-pressed={detailsOpen} onClick={onDetails}>
        <PanelRight />
      </IconButton>
    </header>
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
