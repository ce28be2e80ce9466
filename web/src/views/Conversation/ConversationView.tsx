import "./Conversation.css";
import "./Composing.css";
import { Upload as UploadIcon } from "lucide-react";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { useEscape, useMediaQuery, usePhone, useReadable, useT } from "../../base/hooks.ts";
import type { Conversation, TimelineEvent } from "../../matrix/types.ts";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { takePendingFiles } from "../../viewmodels/shared.ts";
import { CallBanner } from "../Call/slots.tsx";
import { TrustBanner } from "../Encryption/TrustBanner.tsx";
import { Drawer, type DrawerView } from "../Details/Drawer.tsx";
import { Composer } from "./Composer.tsx";
import { Effects } from "./Effects.tsx";
import { Ended } from "./Ended.tsx";
import { Header } from "./Header.tsx";
import { Lightbox } from "./Lightbox.tsx";
import { PinnedBar } from "./PinnedBar.tsx";
import { SelectionBar } from "./SelectionBar.tsx";
import { SendFiles } from "./SendFiles.tsx";
import { Timeline } from "./Timeline.tsx";
import { UploadList } from "./UploadList.tsx";

interface ConversationViewProps {
  model: ConversationModel;
  conversation: Conversation;
}

export function ConversationView({ model, conversation }: ConversationViewProps) {
  const t = useT();
  const wide = useMediaQuery("(min-width: 1200px)");
  const phone = usePhone();
  const chosen = useReadable(model.selection.chosen);
  const [drawer, setDrawer] = useState<DrawerView>();
  const closeDrawer = () => setDrawer(undefined);
  const jump = useReadable(model.jump);
  const [jumped, setJumped] = useState(jump);
  if (jumped !== jump) {
    setJumped(jump);
    // Where the drawer covers the conversation it gives way to what was jumped to.
    if (jump !== undefined && !wide) setDrawer(undefined);
  }
  const thread = useReadable(model.openedThread);
  useEffect(() => {
    if (thread === undefined) return;
    setDrawer({ kind: "thread", ...thread });
    // Asked for again, it opens again.
    model.openedThread.set(undefined);
  }, [model, thread]);
  const [files, setFiles] = useState<readonly File[]>([]);
  const [picture, setPicture] = useState<TimelineEvent>();
  const details = useReadable(model.room.details);
  const drop = useDrop(setFiles);
  useEffect(() => {
    const pending = takePendingFiles(conversation.id);
    if (pending.length > 0) setFiles(pending);
  }, [conversation.id]);
  useEscape(drawer !== undefined && !wide, closeDrawer);
  return (
    <div className="conversation" data-details={drawer !== undefined}>
      <section className="conversation__main" aria-label={conversation.name} {...drop.handlers}>
        {/* On a phone nothing else on the screen is one. */}
        {phone && <h1 className="visually-hidden">{conversation.name}</h1>}
        {chosen === undefined ? (
          <Header
            model={model}
            conversation={conversation}
            detailsOpen={drawer !== undefined}
            onView={setDrawer}
            onDetails={() => setDrawer(drawer === undefined ? { kind: "about" } : undefined)}
          />
        ) : (
          <SelectionBar model={model} chosen={chosen} />
        )}
        <CallBanner conversation={conversation} />
        <PinnedBar model={model} onAll={() => setDrawer({ kind: "pins" })} />
        <Timeline model={model} conversation={conversation} onPicture={setPicture} />
        <TrustBanner roomId={conversation.id} />
        <UploadList uploads={model.uploads} />
        {details.ended === undefined && details.successor === undefined ? (
          <Composer model={model} onFiles={setFiles} />
        ) : (
          <Ended room={model.room} details={details} />
        )}
        <Effects model={model} />
        {drop.over && (
          <div className="drop-zone">
            <UploadIcon aria-hidden />
            {t("composer.drop")}
          </div>
        )}
      </section>
      {drawer !== undefined && <Drawer model={model} view={drawer} onView={setDrawer} onClose={closeDrawer} />}
      {files.length > 0 && (
        <SendFiles
          files={files}
          onSend={(chosen, captions) => model.uploads.addWithCaptions(chosen, captions)}
          onClose={() => setFiles([])}
        />
      )}
      {picture !== undefined && (
        <Lightbox model={model} event={picture} onShow={setPicture} onClose={() => setPicture(undefined)} />
      )}
    </div>
  );
}

/** Files dragged over the conversation. Enter and leave come for every child, so they are counted. */
function useDrop(onFiles: (files: readonly File[]) => void) {
  const depth = useRef(0);
  const [over, setOver] = useState(false);
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  const leave = () => {
    depth.current = Math.max(0, depth.current - 1);
    if (depth.current === 0) setOver(false);
  };
  const handlers = {
    onDragEnter(event: DragEvent) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth.current++;
      setOver(true);
    },
    onDragOver(event: DragEvent) {
      if (hasFiles(event)) event.preventDefault();
    },
    onDragLeave: leave,
    onDrop(event: DragEvent) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setOver(false);
      onFiles([...event.dataTransfer.files]);
    },
  };
  return { over, handlers };
}
