import { Copy, Pencil, Plus, Reply, Trash2 } from "lucide-react";
import { useState } from "react";
import { useT } from "../../app/hooks.ts";
import type { Translate } from "../../i18n/index.ts";
import { QUICK_REACTIONS } from "../../lib/emoji.ts";
import type { TimelineEvent } from "../../matrix/types.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { Menu, type MenuItem, Popover } from "../../ui/Popover.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { showToast } from "../../viewmodels/toasts.ts";
import { EmojiPicker } from "./EmojiPicker.tsx";

export interface OpenMenu {
  kind: "actions" | "emoji" | "delete";
  anchor: Element;
}

interface MessageMenusProps {
  menu: OpenMenu;
  event: TimelineEvent;
  model: ConversationModel;
  onMenu: (menu: OpenMenu | undefined) => void;
}

/** What can be done with a message. */
export function MessageMenus({ menu, event, model, onMenu }: MessageMenusProps) {
  const t = useT();
  const [close] = useState(() => () => onMenu(undefined));
  const react = (emoji: string) => {
    close();
    model.toggleReaction(event, emoji);
  };
  if (menu.kind === "delete") {
    return (
      <Confirm
        title={t("message.delete.title")}
        text={t("message.delete.text")}
        action={t("action.delete")}
        onConfirm={() => model.delete(event)}
        onClose={close}
      />
    );
  }
  if (menu.kind === "emoji") {
    return (
      <Popover key="emoji" anchor={menu.anchor} label={t("action.react")} onClose={close}>
        <EmojiPicker onPick={react} />
      </Popover>
    );
  }
  return (
    <Popover key="actions" anchor={menu.anchor} label={t("message.actions")} onClose={close}>
      {event.can.react && (
        <QuickReactions onPick={react} onMore={() => onMenu({ kind: "emoji", anchor: menu.anchor })} />
      )}
      <Menu
        label={t("message.actions")}
        items={itemsOf(event, model, t, () => onMenu({ kind: "delete", anchor: menu.anchor }))}
        onClose={close}
      />
    </Popover>
  );
}

function QuickReactions({ onPick, onMore }: { onPick: (emoji: string) => void; onMore: () => void }) {
  const t = useT();
  return (
    <div className="quick-reactions">
      {QUICK_REACTIONS.map((emoji) => (
        <button key={emoji} type="button" aria-label={t("message.quickReact", { emoji })} onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
      <button type="button" aria-label={t("action.react")} onClick={onMore}>
        <Plus />
      </button>
    </div>
  );
}

function itemsOf(event: TimelineEvent, model: ConversationModel, t: Translate, onDelete: () => void): MenuItem[] {
  const { body, can } = event;
  const items: MenuItem[] = [];
  if (can.react) items.push({ label: t("action.reply"), icon: <Reply />, onSelect: () => model.reply(event) });
  if (body.kind === "text") {
    const copy = () =>
      void navigator.clipboard
        .writeText(body.text)
        .then(() => showToast({ tone: "done", message: { key: "message.copied" } }));
    items.push({ label: t("action.copy"), icon: <Copy />, onSelect: copy });
  }
  if (can.edit) items.push({ label: t("action.edit"), icon: <Pencil />, onSelect: () => model.edit(event) });
  if (can.delete) {
    // The menu closes before its action runs, and the question takes its place.
    const ask = () => setTimeout(onDelete, 0);
    items.push({ label: t("action.delete"), icon: <Trash2 />, danger: true, onSelect: ask });
  }
  return items;
}
