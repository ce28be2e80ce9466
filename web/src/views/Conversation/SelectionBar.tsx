import "./SelectionBar.css";
import { Copy, Forward, Trash2, X } from "lucide-react";
import { useState } from "react";
import { useEscape, useT } from "../../base/hooks.ts";
import { bodyText } from "../../lib/summary.ts";
import type { TimelineEvent } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { copiedText } from "../../viewmodels/selection.ts";
import { ForwardDialog } from "./ForwardDialog.tsx";
import { copy } from "./MessageMenus.tsx";
import { ReasonDialog } from "./ReasonDialog.tsx";

interface SelectionBarProps {
  model: ConversationModel;
  chosen: ReadonlyMap<string, TimelineEvent>;
}

/** What can be done with the chosen messages, in place of the conversation's header. */
export function SelectionBar({ model, chosen }: SelectionBarProps) {
  const t = useT();
  const [layer, setLayer] = useState<"forward" | "delete">();
  const events = [...chosen.values()];
  const clear = () => model.selection.clear();
  useEscape(true, clear);
  const copyAll = () => {
    copy(
      copiedText(events, ({ body, sender }) => (body.kind === "text" ? body.text : bodyText(body, sender, t))),
      "message.copied",
    );
    clear();
  };
  const deleteAll = async (reason: string) => {
    // Those that are gone are no longer chosen, so that trying again only concerns the others.
    for (const event of events) {
      await model.room.messages.delete(event.id ?? "", reason);
      model.selection.toggle(event);
    }
  };
  return (
    <header className="header selection-bar">
      <IconButton label={t("action.cancel")} onClick={clear}>
        <X />
      </IconButton>
      <span className="selection-bar__count" role="status">
        {t.count("selection.count", chosen.size)}
      </span>
      <IconButton label={t("action.copy")} onClick={copyAll}>
        <Copy />
      </IconButton>
      <IconButton label={t("action.forward")} onClick={() => setLayer("forward")}>
        <Forward />
      </IconButton>
      <IconButton
        label={t("action.delete")}
        disabled={!events.every(({ can }) => can.delete)}
        onClick={() => setLayer("delete")}
      >
        <Trash2 />
      </IconButton>
      {layer === "forward" && (
        <ForwardDialog
          room={model.room}
          eventIds={events.sort((a, b) => a.timestamp - b.timestamp).map(({ id }) => id ?? "")}
          onDone={clear}
          onClose={() => setLayer(undefined)}
        />
      )}
      {layer === "delete" && (
        <ReasonDialog
          title={t.count("message.delete.many", chosen.size)}
          text={t("message.delete.text")}
          label={t("message.delete.reason")}
          action={t("action.delete")}
          onSubmit={deleteAll}
          onClose={() => setLayer(undefined)}
        />
      )}
    </header>
  );
}
