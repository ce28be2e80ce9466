import "./Drawer.css";
import { ArrowLeft, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { ThreadList } from "../Thread/ThreadList.tsx";
import { ThreadView } from "../Thread/ThreadView.tsx";
import { Details } from "./Details.tsx";
import { RoomSearch } from "./RoomSearch.tsx";
import { Shared } from "./Shared.tsx";
import { GroupSettings } from "./GroupSettings.tsx";
import { Outsiders } from "./Outsiders.tsx";
import { PinnedList } from "./PinnedList.tsx";

/** What the drawer on the right shows. */
export type DrawerView =
  | { kind: "about" }
  | { kind: "pins" | "threads" | "shared" | "search" | "rules" | "requests" | "banned" }
  | { kind: "thread"; rootId: string; eventId?: string };

interface DrawerProps {
  model: ConversationModel;
  view: DrawerView;
  onView: (view: DrawerView) => void;
  onClose: () => void;
}

export function Drawer({ model, view, onView, onClose }: DrawerProps) {
  const t = useT();
  const { direct } = useReadable(model.room.details);
  const back = () => onView({ kind: "about" });
  const [closeLatest] = useState(() => () => onView({ kind: "about" }));
  switch (view.kind) {
    case "about":
      return (
        <DrawerFrame title={t(direct ? "details.title.direct" : "details.title.group")} onClose={onClose}>
          <Details model={model} onView={onView} />
        </DrawerFrame>
      );
    case "threads":
      return (
        <DrawerFrame title={t("thread.list")} onBack={back} onClose={onClose}>
          <ThreadList model={model} onOpen={(rootId) => onView({ kind: "thread", rootId })} />
        </DrawerFrame>
      );
    case "thread":
      return (
        <DrawerFrame title={t("thread.title")} onBack={() => onView({ kind: "threads" })} onClose={onClose}>
          <ThreadView key={view.rootId} model={model} {...view} onFailed={closeLatest} />
        </DrawerFrame>
      );
    case "rules":
      return (
        <DrawerFrame title={t("rules.title")} onBack={back} onClose={onClose}>
          <GroupSettings room={model.room} />
        </DrawerFrame>
      );
    case "requests":
    case "banned":
      return (
        <DrawerFrame
          title={t(view.kind === "requests" ? "requests.title" : "banned.title")}
          onBack={back}
          onClose={onClose}
        >
          <Outsiders key={view.kind} room={model.room} kind={view.kind} />
        </DrawerFrame>
      );
    case "shared":
      return (
        <DrawerFrame title={t("shared.title")} onBack={back} onClose={onClose}>
          <Shared model={model} />
        </DrawerFrame>
      );
    case "search":
      return (
        <DrawerFrame title={t("action.search")} onBack={back} onClose={onClose}>
          <RoomSearch model={model} />
        </DrawerFrame>
      );
    case "pins":
      return (
        <DrawerFrame title={t("pins.title")} onBack={back} onClose={onClose}>
          <PinnedList model={model} />
        </DrawerFrame>
      );
  }
}

interface DrawerFrameProps {
  title: string;
  onBack?: () => void;
  onClose: () => void;
  children: ReactNode;
}

function DrawerFrame({ title, onBack, onClose, children }: DrawerFrameProps) {
  const t = useT();
  return (
    <aside className="details" aria-label={title}>
      <header className="details__head">
        {onBack !== undefined && (
          <IconButton label={t("action.back")} onClick={onBack}>
            <ArrowLeft />
          </IconButton>
        )}
        <h2 className="ellipsis">{title}</h2>
        <IconButton label={t("action.close")} onClick={onClose}>
          <X />
        </IconButton>
      </header>
      {children}
    </aside>
  );
}
