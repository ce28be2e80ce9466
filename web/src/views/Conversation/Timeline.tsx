import { ArrowDown, Undo2 } from "lucide-react";
import { type KeyboardEvent, memo, startTransition, useEffect, useMemo, useState } from "react";
import { useReadable, useT, useToday } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { classes } from "../../lib/classes.ts";
import type { MessageRow as MessageRowData, Row } from "../../lib/layout.ts";
import { changeText } from "../../lib/summary.ts";
import { dayName } from "../../lib/time.ts";
import type { Conversation, TimelineEvent } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton } from "../../ui/controls.tsx";
import type { ConversationModel, ConversationSnapshot } from "../../viewmodels/conversation.ts";
import { leftAt } from "../../viewmodels/positions.ts";
import { MessageRow } from "./MessageRow.tsx";
import { TimelineSkeleton } from "./TimelineSkeleton.tsx";
import { useTimelineScroll } from "./useTimelineScroll.ts";

/** The height of a row of one line, in pixels: as many as the window has are drawn at once. */
const ROW_HEIGHT = 36;
/** Rows that are wanted above the line before what is unread. */
const UNREAD_LEAD = 12;
/** When the others are drawn, in milliseconds: after the frame with the first ones. */
const REST_AFTER = 60;

interface TimelineProps {
  model: ConversationModel;
  conversation: Conversation;
  onPicture: (event: TimelineEvent) => void;
}

/** The messages of a conversation. */
export function Timeline({ model, conversation, onPicture }: TimelineProps) {
  const t = useT();
  const snapshot = useReadable(model.snapshot);
  const jump = useReadable(model.jump);
  const trail = useReadable(model.trail);
  const { rows, whole } = useRows(model, snapshot, jump !== undefined);
  const { scroller, content, atBottom, toBottom, marked } = useTimelineScroll(model, snapshot, jump, whole);
  const { loading, failed, hasOlder } = snapshot;
  return (
    <div className="timeline">
      <div ref={scroller} className="timeline__scroller">
        <div
          ref={content}
          className="timeline__content"
          role="log"
          aria-label={t("timeline.label")}
          onKeyDown={moveFocus}
        >
          {rows.length === 0 && loading && <TimelineSkeleton />}
          {hasOlder ? (
            <div className="timeline__older">{failed && <LoadFailed onRetry={() => model.loadOlder()} />}</div>
          ) : (
            <Beginning conversation={conversation} model={model} />
          )}
          <Rows rows={rows} model={model} direct={conversation.direct} marked={marked} onPicture={onPicture} />
        </div>
      </div>
      {trail.length > 0 && (
        <Button className="timeline__back" onClick={() => void model.goBack()}>
          <Undo2 aria-hidden />
          {t("timeline.back")}
        </Button>
      )}
      {!atBottom && (
        <IconButton label={t("timeline.newest")} className="timeline__newest" onClick={toBottom}>
          <ArrowDown />
          {conversation.unread > 0 && <span className="badge">{conversation.unread}</span>}
        </IconButton>
      )}
    </div>
  );
}

interface RowsProps {
  rows: readonly Row[];
  model: ConversationModel;
  direct: boolean;
  marked: string | undefined;
  onPicture: (event: TimelineEvent) => void;
}

/** Apart from what else a conversation tells: its number of unread messages, say, changes none of them. */
const Rows = memo(function Rows({ rows, model, direct, marked, onPicture }: RowsProps) {
  const t = useT();
  const today = useToday();
  const chosen = useReadable(model.selection.chosen);
  return rows.map((row, index) => {
    switch (row.type) {
      case "day":
        return (
          <div key={row.key} className="timeline__day">
            <span>{dayName(row.timestamp, today, t.locale)}</span>
          </div>
        );
      case "unread":
        return (
          <div key={row.key} className="timeline__unread" data-unread>
            <span>{t("timeline.unread")}</span>
          </div>
        );
      case "change":
        return <ChangeRow key={row.key} event={row.event} marked={isMarked(row.event, marked)} />;
      case "message":
        return (
          <MessageRow
            key={row.key}
            row={row}
            model={model}
            direct={direct}
            marked={(row.album ?? [row.event]).some((event) => isMarked(event, marked))}
            selected={chosen && isChosen(row, chosen)}
            focusable={index === rows.length - 1}
            onPicture={onPicture}
          />
        );
    }
  });
});

/**
 * The rows to draw. Where a conversation opens at its end, those in sight come first, and the others a moment later: to draw
 * all of them at once is most of what one would wait for.
 */
function useRows(
  model: ConversationModel,
  { rows }: ConversationSnapshot,
  jumps: boolean,
): { rows: readonly Row[]; whole: boolean } {
  const [drawn, setDrawn] = useState<ConversationModel>();
  const first = Math.max(0, rows.length - Math.ceil(window.innerHeight / ROW_HEIGHT));
  const opensAtEnd = !jumps && model.place === undefined && leftAt(model.draftKey) === undefined;
  const whole =
    drawn === model ||
    first === 0 ||
    !opensAtEnd ||
    rows.slice(0, first + UNREAD_LEAD).some(({ type }) => type === "unread");
  const hasRows = rows.length > 0;
  // Not by how many there are: messages that keep coming would put it off for ever.
  useEffect(() => {
    if (whole) {
      // From now on it stays so, whatever comes.
      if (hasRows) setDrawn(model);
      return;
    }
    const timer = setTimeout(() => startTransition(() => setDrawn(model)), REST_AFTER);
    return () => clearTimeout(timer);
  }, [model, whole, hasRows]);
  const shown = useMemo(() => (whole ? rows : rows.slice(first)), [rows, first, whole]);
  return { rows: shown, whole };
}

/** Of an album, all of it; nothing for what is not sent yet. */
function isChosen({ event, album }: MessageRowData, chosen: ReadonlyMap<string, TimelineEvent>): boolean | undefined {
  const ids = (album ?? [event]).flatMap(({ id }) => id ?? []);
  return ids.length === 0 ? undefined : ids.every((id) => chosen.has(id));
}

function isMarked({ id }: TimelineEvent, marked: string | undefined): boolean {
  return id !== undefined && id === marked;
}

const ChangeRow = memo(function ChangeRow({ event, marked }: { event: TimelineEvent; marked: boolean }) {
  const t = useT();
  if (event.body.kind !== "change") return null;
  return (
    <div
      className={classes("timeline__change", marked && "timeline__change--marked")}
      data-event={event.key}
      data-event-id={event.id}
    >
      <span>{changeText(event.body.change, event.sender, t)}</span>
    </div>
  );
});

function Beginning({ conversation, model }: { conversation: Conversation; model: ConversationModel }) {
  const t = useT();
  const { predecessor } = useReadable(model.room.details);
  const { name, avatar, colourId, direct } = conversation;
  return (
    <div className="timeline__beginning">
      <Avatar id={colourId} name={name} picture={avatar} size="xl" square={!direct} />
      <h2 dir="auto">{name}</h2>
      <p>{t(direct ? "timeline.start.direct" : "timeline.start.group", { name })}</p>
      {predecessor !== undefined && (
        <p>
          {t("timeline.predecessor")}{" "}
          <Link to={{ name: "room", ...predecessor }}>{t("timeline.predecessor.open")}</Link>
        </p>
      )}
    </div>
  );
}

function LoadFailed({ onRetry }: { onRetry: () => void }) {
  const t = useT();
  return (
    <p className="timeline__failed" role="alert">
      {t("timeline.loadFailed")}
      <Button kind="text" onClick={onRetry}>
        {t("action.retry")}
      </Button>
    </p>
  );
}

/** Arrow keys move between messages. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const current = document.activeElement;
  if (step === 0 || !(current instanceof HTMLElement) || !current.matches(".message")) return;
  const messages = [...event.currentTarget.querySelectorAll<HTMLElement>(".message")];
  const next = messages[messages.indexOf(current) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
