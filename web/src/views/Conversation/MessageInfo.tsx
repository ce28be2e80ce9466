import "./MessageInfo.css";
import { Copy } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useT } from "../../base/hooks.ts";
import type { MessageKey } from "../../i18n/index.ts";
import { bodyText } from "../../lib/summary.ts";
import { fullTime, momentText } from "../../lib/time.ts";
import type { Person, TimelineEvent, Version } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { ReactionMark } from "./ReactionMark.tsx";

export type InfoTab = "readers" | "reactions" | "versions" | "source";

const LABELS: Record<InfoTab, MessageKey> = {
  readers: "info.readers",
  reactions: "info.reactions",
  versions: "info.versions",
  source: "info.source",
};

interface MessageInfoProps {
  event: TimelineEvent;
  model: ConversationModel;
  first?: InfoTab;
  onClose: () => void;
}

/** Everything there is to know about a message. */
export function MessageInfo({ event, model, first = "readers", onClose }: MessageInfoProps) {
  const t = useT();
  const [tab, setTab] = useState<InfoTab>(first);
  const tabs: InfoTab[] = ["readers"];
  if (event.reactions.length > 0) tabs.push("reactions");
  if (event.edited) tabs.push("versions");
  tabs.push("source");
  return (
    <Dialog title={t("info.title")} onClose={onClose} className="message-info">
      <p className="message-info__time">{fullTime(event.timestamp, t.locale)}</p>
      {event.shield !== undefined && <p className="message-info__shield">{t(`shield.${event.shield}`)}</p>}
      <Tabs
        label={t("info.title")}
        value={tab}
        options={tabs.map((value) => ({ value, label: t(LABELS[value]) }))}
        onChange={setTab}
      >
        <div className="message-info__panel">
          {tab === "readers" && <Readers event={event} model={model} />}
          {tab === "reactions" && <Reactions event={event} model={model} />}
          {tab === "versions" && <Versions event={event} model={model} />}
          {tab === "source" && <Source event={event} model={model} />}
        </div>
      </Tabs>
    </Dialog>
  );
}

interface PanelProps {
  event: TimelineEvent;
  model: ConversationModel;
}

function Readers({ event, model }: PanelProps) {
  const t = useT();
  const readers = model.room.messages.readers(event.id ?? "");
  const read = readers.filter((reader) => reader.read);
  const unread = readers.filter((reader) => !reader.read);
  return (
    <>
      <h3>{t.count("info.readBy", read.length)}</h3>
      <ul>
        {read.map(({ person, since }) => (
          <PersonLine
            key={person.id}
            person={person}
            model={model}
            detail={since === undefined ? "" : momentText(since, t.locale)}
          />
        ))}
      </ul>
      {unread.length > 0 && (
        <>
          <h3>{t.count("info.unreadBy", unread.length)}</h3>
          <ul>
            {unread.map(({ person }) => (
              <PersonLine key={person.id} person={person} model={model} detail="" />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

interface PersonLineProps {
  person: Person;
  model: ConversationModel;
  detail: ReactNode;
}

export function PersonLine({ person, model, detail }: PersonLineProps) {
  const t = useT();
  return (
    <li>
      <button type="button" className="person-line" onClick={() => openPerson(person.id, model.roomId)}>
        <Avatar id={person.id} name={person.name} picture={person.avatar} size="s" />
        <bdi className="ellipsis">{person.me === true ? t("preview.you") : person.name}</bdi>
        {detail !== "" && <span className="person-line__detail">{detail}</span>}
      </button>
    </li>
  );
}

function Reactions({ event, model }: PanelProps) {
  return event.reactions.map(({ emoji, count, people = [] }) => (
    <section key={emoji}>
      <h3>
        <span className="message-info__emoji">
          <ReactionMark emoji={emoji} />
        </span>{" "}
        {count}
      </h3>
      <ul>
        {people.map((person) => (
          <PersonLine key={person.id} person={person} model={model} detail="" />
        ))}
      </ul>
    </section>
  ));
}

/** Fetches something once; a failure becomes a notice. */
function useFetched<T>(load: () => Promise<T>): T | undefined {
  const [value, setValue] = useState<T>();
  const [once] = useState(() => load);
  useEffect(() => {
    let current = true;
    void attempt(async () => {
      const loaded = await once();
      if (current) setValue(() => loaded);
    });
    return () => {
      current = false;
    };
  }, [once]);
  return value;
}

function Versions({ event, model }: PanelProps) {
  const t = useT();
  const versions = useFetched<Version[]>(() => model.room.messages.versions(event.id ?? ""));
  return (
    <ol className="message-info__versions" aria-busy={versions === undefined}>
      {versions === undefined && <li className="skeleton message-info__wait" />}
      {versions?.map(({ id, timestamp, body }) => (
        <li key={id}>
          <time dateTime={new Date(timestamp).toISOString()}>{momentText(timestamp, t.locale)}</time>
          <p dir="auto">{body.kind === "text" ? body.text : bodyText(body, event.sender, t)}</p>
        </li>
      ))}
    </ol>
  );
}

function Source({ event, model }: PanelProps) {
  const t = useT();
  const source = useFetched(() => model.room.messages.source(event.id ?? ""));
  if (source === undefined) return <p className="skeleton message-info__wait" />;
  const copy = () =>
    void attempt(async () => {
      await navigator.clipboard.writeText(source);
      showToast({ tone: "done", message: { key: "message.copied" } });
    });
  return (
    <>
      {/* Scrolled by the keyboard, too. */}
      <pre className="message-info__source" tabIndex={0} aria-label={t("info.source")} role="region">
        {source}
      </pre>
      <Button onClick={copy}>
        <Copy aria-hidden />
        {t("info.source.copy")}
      </Button>
    </>
  );
}
