import { Archive, ArchiveRestore, Bell, BellOff, FolderPen, LogOut, Mail, MailOpen, Pin, PinOff } from "lucide-react";
import { useAccount, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { Menu, type MenuItem, Popover } from "../../ui/Popover.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

interface ChatMenuProps {
  conversation: Conversation;
  anchor: Element;
  onLabels: () => void;
  onLeave: () => void;
  onClose: () => void;
}

/** What can be done with a conversation from the list. */
export function ChatMenu({ conversation, anchor, onLabels, onLeave, onClose }: ChatMenuProps) {
  const t = useT();
  const account = useAccount();
  const { id, name, pinned, muted, unread, markedUnread, archived = false } = conversation;
  const read = unread === 0 && markedUnread !== true;
  const run = (action: (room: RoomHandle) => Promise<void>) => () =>
    void attempt(async () => {
      const room = await account.openRoom(id);
      if (room !== undefined) await action(room);
    });
  const items: MenuItem[] = [
    {
      label: t(read ? "chats.markUnread" : "chats.markRead"),
      icon: read ? <Mail /> : <MailOpen />,
      onSelect: run((room) => room.markUnread(read)),
    },
    {
      label: t(pinned ? "chats.unpin" : "details.pin"),
      icon: pinned ? <PinOff /> : <Pin />,
      onSelect: run((room) => room.setPinned(!pinned)),
    },
    {
      label: t(muted ? "chats.unmute" : "details.mute"),
      icon: muted ? <Bell /> : <BellOff />,
      onSelect: run((room) => room.setMuted(!muted)),
    },
    {
      label: t(archived ? "chats.unarchive" : "chats.archive"),
      icon: archived ? <ArchiveRestore /> : <Archive />,
      onSelect: run((room) => room.setArchived(!archived)),
    },
    { label: t("chats.labels"), icon: <FolderPen />, onSelect: onLabels },
    { label: t("details.leave"), icon: <LogOut />, danger: true, onSelect: onLeave },
  ];
  const label = t("chats.menu", { name });
  return (
    <Popover anchor={anchor} label={label} onClose={onClose}>
      <Menu label={label} items={items} onClose={onClose} />
    </Popover>
  );
}

/** Asks before a conversation is left. */
export function LeaveChat({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const leave = () =>
    void attempt(async () => {
      await (await account.openRoom(conversation.id))?.leave();
      const shown = router.route.get();
      if (shown.name === "room" && shown.roomId === conversation.id) router.go({ name: "chats" }, { replace: true });
    });
  return (
    <Confirm
      title={t("details.leave.title", { name: conversation.name })}
      text={t("details.leave.text")}
      action={t("details.leave")}
      onConfirm={leave}
      onClose={onClose}
    />
  );
}
