import { File as FileIcon, Play } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useMedia, useNow, useT } from "../../base/hooks.ts";
import type { MessageKey } from "../../i18n/index.ts";
import { firstLink } from "../../lib/richtext.ts";
import { bodyText } from "../../lib/summary.ts";
import { fileSize, listTime } from "../../lib/time.ts";
import type { MediaSource, MessageSummary, SharedKind } from "../../matrix/types.ts";
import { MessageCard } from "../../ui/MessageCard.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { FoundModel } from "../../viewmodels/found.ts";
import { FoundList } from "./FoundList.tsx";
import { PinnedList } from "./PinnedList.tsx";
import "./Shared.css";

type Tab = SharedKind | "pins";
const TABS: readonly Tab[] = ["media", "files", "links", "pins", "polls"];
const EMPTY: Record<SharedKind, MessageKey> = {
  media: "shared.none.media",
  files: "shared.none.files",
  links: "shared.none.links",
  polls: "shared.none.polls",
};

/** What people have shared in a conversation, by kind, newest first. */
export function Shared({ model }: { model: ConversationModel }) {
  const t = useT();
  const [tab, setTab] = useState<Tab>("media");
  return (
    <Tabs
      label={t("shared.title")}
      value={tab}
      options={TABS.map((value) => ({ value, label: t(`shared.${value}`) }))}
      onChange={setTab}
    >
      {tab === "pins" ? <PinnedList model={model} /> : <OfKind model={model} kind={tab} />}
    </Tabs>
  );
}

function OfKind({ model, kind }: { model: ConversationModel; kind: SharedKind }) {
  const t = useT();
  const now = useNow();
  const found = useMemo(() => new FoundModel(), []);
  useEffect(() => void found.start((from) => model.room.history.shared(kind, from)), [found, model, kind]);
  const open = ({ id }: MessageSummary) => void model.jumpTo(id);
  return (
    <FoundList
      model={found}
      label={t(`shared.${kind}`)}
      empty={t(EMPTY[kind])}
      className={kind === "media" ? "shared__grid" : "drawer__list"}
    >
      {(message) => {
        const { body } = message;
        if (body.kind === "image" || body.kind === "video")
          return <Thumbnail media={body.media} film={body.kind === "video"} onOpen={() => open(message)} />;
        if (body.kind === "file" || body.kind === "audio")
          return <FileLine message={message} media={body.media} now={now} onOpen={() => open(message)} />;
        const text = kind === "links" && body.kind === "text" ? (firstLink(body.text) ?? body.text) : undefined;
        return (
          <MessageCard
            message={message}
            now={now}
            onOpen={() => open(message)}
            text={text ?? bodyText(body, message.sender, t)}
          />
        );
      }}
    </FoundList>
  );
}

function Thumbnail({ media, film, onOpen }: { media: MediaSource; film: boolean; onOpen: () => void }) {
  const t = useT();
  const label = t("message.openPicture", { name: media.name });
  return (
    <button type="button" className="shared__thumbnail" aria-label={label} title={media.name} onClick={onOpen}>
      {film ? media.poster !== undefined && <Image mxc={media.poster} /> : <Image mxc={media.mxc} />}
      {film && <Play aria-hidden />}
    </button>
  );
}

function Image({ mxc }: { mxc: string }) {
  const state = useMedia(mxc, { width: 320, height: 240, method: "scale" });
  if (state.status === "ready") return <img src={state.url} onError={state.onError} alt="" draggable={false} />;
  return <span className="skeleton shared__wait" />;
}

interface FileLineProps {
  message: MessageSummary;
  media: MediaSource;
  now: number;
  onOpen: () => void;
}

function FileLine({ message, media, now, onOpen }: FileLineProps) {
  const t = useT();
  const facts = [
    media.size === undefined ? undefined : fileSize(media.size, t.locale),
    message.sender.name,
    listTime(message.timestamp, now, t.locale),
  ].filter((fact) => fact !== undefined);
  return (
    <button type="button" className="shared__file" onClick={onOpen}>
      <FileIcon aria-hidden />
      <span className="shared__file-text">
        <bdi className="ellipsis">{media.name}</bdi>
        <span className="shared__facts ellipsis">{facts.join(" · ")}</span>
      </span>
    </button>
  );
}
