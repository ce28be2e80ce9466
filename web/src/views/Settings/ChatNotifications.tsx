import { useMemo } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { ChatLevel } from "../../matrix/types.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { Options, useRemote } from "./parts.tsx";

const LEVELS: readonly ChatLevel[] = ["default", "all", "mentions", "none"];

/** What notifies in one conversation; its details show this. */
export function ChatNotifications({ roomId }: { roomId: string }) {
  const t = useT();
  const { push } = useAccount();
  const kept = useReadable(useMemo(() => push.level(roomId), [push, roomId]));
  const [level, change] = useRemote(kept, (next: ChatLevel) => attempt(() => push.setLevel(roomId, next)));
  return (
    <Options
      label={t("notify.chat")}
      value={level}
      options={LEVELS.map((value) => ({ value, label: t(`notify.chat.${value}`) }))}
      onChange={change}
    />
  );
}
