import "./PinnedBar.css";
import { List, Pin } from "lucide-react";
import { useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { bodyText } from "../../lib/summary.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";

/** The newest pinned message; each click shows it in its place, and then offers the one before. */
export function PinnedBar({ model, onAll }: { model: ConversationModel; onAll: () => void }) {
  const t = useT();
  const pins = useReadable(model.room.pins.list);
  const [back, setBack] = useState(0);
  if (pins.length === 0) return null;
  const index = pins.length - 1 - (back % pins.length);
  const pin = pins[index];
  if (pin === undefined) return null;
  const show = () => {
    setBack(back + 1);
    void model.jumpTo(pin.id);
  };
  const title = pins.length === 1 ? t("pins.one") : t("pins.position", { position: index + 1, total: pins.length });
  return (
    <div className="pinned-bar">
      <button type="button" className="pinned-bar__message" onClick={show}>
        <Pin aria-hidden />
        <span className="pinned-bar__text">
          <span className="pinned-bar__title ellipsis">{title}</span>
          <bdi className="ellipsis">{pin.message && bodyText(pin.message.body, pin.message.sender, t)}</bdi>
        </span>
      </button>
      <IconButton label={t("pins.all")} onClick={onAll}>
        <List />
      </IconButton>
    </div>
  );
}
