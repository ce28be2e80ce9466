import "./Thread.css";
import { useEffect, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import type { Conversation, TimelineEvent } from "../../matrix/types.ts";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { modelOf } from "../../viewmodels/rooms.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { Composer } from "../Conversation/Composer.tsx";
import { Lightbox } from "../Conversation/Lightbox.tsx";
import { SendFiles } from "../Conversation/SendFiles.tsx";
import { Timeline } from "../Conversation/Timeline.tsx";
import { TimelineSkeleton } from "../Conversation/TimelineSkeleton.tsx";
import { UploadList } from "../Conversation/UploadList.tsx";

interface ThreadViewProps {
  /** The conversation that the thread is in. */
  model: ConversationModel;
  rootId: string;
  eventId?: string;
  onFailed: () => void;
}

/** A thread beside its conversation. */
export function ThreadView({ model, rootId, eventId, onFailed }: ThreadViewProps) {
  const account = useAccount();
  const [thread, setThread] = useState<ConversationModel>();
  useEffect(() => {
    let current = true;
    void attempt(async () => {
      const handle = await model.room.thread(rootId);
      if (!current) return;
      const found = modelOf(account, model.roomId, handle, rootId);
      found.enter();
      setThread(found);
    }).then((opened) => {
      if (!opened && current) onFailed();
    });
    return () => {
      current = false;
    };
  }, [account, model, rootId, onFailed]);
  useEffect(() => {
    if (thread !== undefined && eventId !== undefined) void thread.jumpTo(eventId, null);
  }, [thread, eventId]);
  const conversation = account.conversations.describe(model.roomId);
  if (thread === undefined || conversation === undefined) return <TimelineSkeleton />;
  return <Open thread={thread} conversation={conversation} />;
}

function Open({ thread, conversation }: { thread: ConversationModel; conversation: Conversation }) {
  const t = useT();
  const [files, setFiles] = useState<readonly File[]>([]);
  const [picture, setPicture] = useState<TimelineEvent>();
  return (
    <section className="thread" aria-label={t("thread.title")}>
      <Timeline model={thread} conversation={conversation} onPicture={setPicture} />
      <UploadList uploads={thread.uploads} />
      <Composer model={thread} onFiles={setFiles} />
      {files.length > 0 && (
        <SendFiles files={files} onSend={() => thread.uploads.add(files)} onClose={() => setFiles([])} />
      )}
      {picture !== undefined && (
        <Lightbox model={thread} event={picture} onShow={setPicture} onClose={() => setPicture(undefined)} />
      )}
    </section>
  );
}
