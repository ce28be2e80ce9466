import "./Conversation.css";
import "./Composing.css";
import { Upload as UploadIcon } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { useEscape, useMediaQuery, useT } from "../../app/hooks.ts";
import type { Conversation, TimelineEvent } from "../../matrix/types.ts";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { Details } from "../Details/Details.tsx";
import { Composer } from "./Composer.tsx";
import { Header } from "./Header.tsx";
import { Lightbox } from "./Lightbox.tsx";
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
  const [detailsOpen, setDetailsOpen] = useState(false);
  const [files, setFiles] = useState<readonly File[]>([]);
  const [picture, setPicture] = useState<TimelineEvent>();
  const drop = useDrop(setFiles);
  useEscape(detailsOpen && !wide, () => setDetailsOpen(false));
  return (
    <div className="conversation" data-details={detailsOpen}>
      <section className="conversation__main" aria-label={conversation.name} {...drop.handlers}>
        <Header
          model={model}
          conversation={conversation}
          detailsOpen={detailsOpen}
          onDetails={() => setDetailsOpen(!detailsOpen)}
        />
        <Timeline model={model} conversation={conversation} onPicture={setPicture} />
        <UploadList uploads={model.uploads} />
        <Composer model={model} onFiles={setFiles} />
        {drop.over && (
          <div className="drop-zone">
            <UploadIcon aria-hidden />
            {t("composer.drop")}
          </div>
        )}
      </section>
      {detailsOpen && <Details room={model.room} onClose={() => setDetailsOpen(false)} />}
      {files.length > 0 && (
        <SendFiles files={files} onSend={() => model.uploads.add(files)} onClose={() => setFiles([])} />
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
