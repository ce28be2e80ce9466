import {
  Bookmark,
  BookmarkX,
  CircleCheck,
  Copy,
  Flag,
  Forward,
  ImageMinus,
  ImagePlay,
  Info,
  Link2,
  MessagesSquare,
  Pencil,
  Pin,
  PinOff,
  Plus,
  Reply,
  Trash2,
} from "lucide-react";
import { useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { pathOf } from "../../base/router.ts";
import type { Translate } from "../../i18n/index.ts";
import { QUICK_REACTIONS } from "../../lib/emoji.ts";
import { gifOf } from "../../lib/gifs.ts";
import type { Account } from "../../matrix/account.ts";
import type { TimelineEvent } from "../../matrix/types.ts";
import { Menu, type MenuItem, Popover } from "../../ui/Popover.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { EmojiPicker } from "./EmojiPicker.tsx";
import { ForwardDialog } from "./ForwardDialog.tsx";
import { type InfoTab, MessageInfo, PersonLine } from "./MessageInfo.tsx";
import { ReactionMark, reactionName } from "./ReactionMark.tsx";
import { ReasonDialog } from "./ReasonDialog.tsx";

export type OpenMenu =
  | { kind: "actions" | "emoji" | "delete" | "report" | "forward"; anchor: Element }
  | { kind: "info"; anchor: Element; tab: InfoTab }
  | { kind: "reactors"; anchor: Element; emoji: string };

interface MessageMenusProps {
  menu: OpenMenu;
  event: TimelineEvent;
  model: ConversationModel;
  onMenu: (menu: OpenMenu | undefined) => void;
}

/** What can be done with a message. */
export function MessageMenus({ menu, event, model, onMenu }: MessageMenusProps) {
  const t = useT();
  const account = useAccount();
  const [close] = useState(() => () => onMenu(undefined));
  const react = (emoji: string, shortcode?: string) => {
    close();
    model.toggleReaction(event, emoji, shortcode);
  };
  const id = event.id ?? "";
  switch (menu.kind) {
    case "delete":
      return (
        <ReasonDialog
          title={t("message.delete.title")}
          text={t("message.delete.text")}
          label={t("message.delete.reason")}
          action={t("action.delete")}
          onSubmit={(reason) => model.room.messages.delete(id, reason)}
          onClose={close}
        />
      );
    case "report":
      return (
        <ReasonDialog
          title={t("message.report.title")}
          text={t("message.report.text")}
          label={t("message.report.reason")}
          action={t("action.report")}
          required
          onSubmit={async (reason) => {
            await model.room.messages.report(id, reason);
            showToast({ tone: "done", message: { key: "message.reported" } });
          }}
          onClose={close}
        />
      );
    case "forward":
      return <ForwardDialog room={model.room} eventIds={[id]} onClose={close} />;
    case "info":
      return <MessageInfo event={event} model={model} first={menu.tab} onClose={close} />;
    case "reactors":
      return <Reactors menu={menu} event={event} model={model} onClose={close} />;
    case "emoji":
      return (
        <Popover key="emoji" anchor={menu.anchor} label={t("action.react")} onClose={close}>
          <EmojiPicker roomId={model.roomId} onPick={react} onEmote={({ mxc, code }) => react(mxc, code)} />
        </Popover>
      );
    case "actions":
      return (
        <Popover key="actions" anchor={menu.anchor} label={t("message.actions")} onClose={close}>
          {event.can.react && (
            <QuickReactions onPick={react} onMore={() => onMenu({ kind: "emoji", anchor: menu.anchor })} />
          )}
          <Menu
            label={t("message.actions")}
            // The menu closes before its action runs, and what the action opens takes its place.
            items={itemsOf(event, model, account, t, (kind) =>
              setTimeout(
                () => onMenu(kind === "info" ? { kind, anchor: menu.anchor, tab: "readers" } : { ...menu, kind }),
                0,
              ),
            )}
            onClose={close}
          />
        </Popover>
      );
  }
}

interface ReactorsProps {
  menu: Extract<OpenMenu, { kind: "reactors" }>;
  event: TimelineEvent;
  model: ConversationModel;
  onClose: () => void;
}

function Reactors({ menu, event, model, onClose }: ReactorsProps) {
  const t = useT();
  const reaction = event.reactions.find(({ emoji }) => emoji === menu.emoji);
  if (reaction === undefined) return null;
  const label = t("message.reactors", { emoji: reactionName(reaction, t) });
  return (
    <Popover anchor={menu.anchor} label={label} onClose={onClose}>
      <ul className="reactors" aria-label={label}>
        {reaction.people?.map((person) => (
          <PersonLine key={person.id} person={person} model={model} detail={<ReactionMark emoji={menu.emoji} />} />
        ))}
      </ul>
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

/** Puts text on the clipboard and says so. */
export function copy(text: string, key: "message.copied" | "message.linkCopied"): void {
  void attempt(async () => {
    await navigator.clipboard.writeText(text);
    showToast({ tone: "done", message: { key } });
  });
}

type Opened = "delete" | "report" | "forward" | "info";

function itemsOf(
  event: TimelineEvent,
  model: ConversationModel,
  account: Account,
  t: Translate,
  open: (kind: Opened) => void,
): MenuItem[] {
  const { body, can, id, own } = event;
  const { room, roomId } = model;
  const items: MenuItem[] = [];
  if (can.react) items.push({ label: t("action.reply"), icon: <Reply />, onSelect: () => model.reply(event) });
  if (can.react && id !== undefined && model.threadId === undefined) {
    const onSelect = () => model.openedThread.set({ rootId: id });
    items.push({
      label: t(event.thread === undefined ? "action.startThread" : "action.openThread"),
      icon: <MessagesSquare />,
      onSelect,
    });
  }
  if (can.edit) items.push({ label: t("action.edit"), icon: <Pencil />, onSelect: () => model.edit(event) });
  const text = body.kind === "text" ? body.text : "caption" in body ? body.caption : undefined;
  if (text !== undefined) {
    items.push({ label: t("action.copy"), icon: <Copy />, onSelect: () => copy(text, "message.copied") });
  }
  if (id === undefined) return items;
  const link = window.location.origin + pathOf({ name: "room", roomId, eventId: id });
  items.push({ label: t("action.copyLink"), icon: <Link2 />, onSelect: () => copy(link, "message.linkCopied") });
  if (body.kind !== "deleted") {
    if (body.kind !== "encrypted") {
      items.push({ label: t("action.forward"), icon: <Forward />, onSelect: () => open("forward") });
    }
    if (room.details.get().can.pin) {
      const pinned = room.pins.has(id);
      const onSelect = () => void attempt(() => room.pins.set(id, !pinned));
      items.push({ label: t(pinned ? "action.unpin" : "action.pin"), icon: pinned ? <PinOff /> : <Pin />, onSelect });
    }
    const saved = account.saved.has(id);
    items.push({
      label: t(saved ? "action.unbookmark" : "action.bookmark"),
      icon: saved ? <BookmarkX /> : <Bookmark />,
      onSelect: () => void attempt(() => account.saved.set(roomId, id, !saved)),
    });
    const gif = gifOf(body);
    const kept = gif !== undefined && account.gifs.has(gif.mxc);
    // What an encrypted message calls it would be readable in the account data.
    if (gif !== undefined && (kept || !room.details.get().encrypted)) {
      items.push({
        label: t(kept ? "gifs.unsave" : "gifs.save"),
        icon: kept ? <ImageMinus /> : <ImagePlay />,
        onSelect: () => void attempt(() => (kept ? account.gifs.remove(gif.mxc) : account.gifs.save(gif))),
      });
    }
    items.push({ label: t("action.select"), icon: <CircleCheck />, onSelect: () => model.selection.toggle(event) });
  }
  items.push({ label: t("action.info"), icon: <Info />, onSelect: () => open("info") });
  if (!own && body.kind !== "deleted")
    items.push({ label: t("action.report"), icon: <Flag />, danger: true, onSelect: () => open("report") });
  if (can.delete)
    items.push({ label: t("action.delete"), icon: <Trash2 />, danger: true, onSelect: () => open("delete") });
  return items;
}
