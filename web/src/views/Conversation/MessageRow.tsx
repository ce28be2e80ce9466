import { Check, CheckCheck, CircleAlert, Clock, Ellipsis, Reply, SmilePlus } from "lucide-react";
import { memo, type PointerEvent, useRef, useState } from "react";
import { useT } from "../../app/hooks.ts";
import type { Translate } from "../../i18n/index.ts";
import { classes } from "../../lib/classes.ts";
import type { Row } from "../../lib/layout.ts";
import { bodyText } from "../../lib/summary.ts";
import { colourOf, isJumboEmoji } from "../../lib/text.ts";
import { clockTime, fullTime } from "../../lib/time.ts";
import type { Person, Quote, TimelineEvent } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { MessageContent } from "./MessageContent.tsx";
import { MessageMenus, type OpenMenu } from "./MessageMenus.tsx";

interface MessageRowProps {
  row: Extract<Row, { type: "message" }>;
  model: ConversationModel;
  direct: boolean;
  /** The one message that Tab reaches; arrows lead to the others. */
  focusable: boolean;
  onPicture: (event: TimelineEvent) => void;
}

const LONG_PRESS = 450;

export const MessageRow = memo(function MessageRow({ row, model, direct, focusable, onPicture }: MessageRowProps) {
  const t = useT();
  const { event, first, last, read } = row;
  const { own, sender, body } = event;
  const bubble = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(false);
  const [menu, setMenu] = useState<OpenMenu>();
  const openMenu = () => bubble.current !== null && setMenu({ kind: "actions", anchor: bubble.current });
  const press = useLongPress(openMenu);
  const showAvatar = !own && !direct;
  const jumbo = body.kind === "text" && isJumboEmoji(body.text) && event.quote === undefined;
  return (
    <div
      className={classes("message", own && "message--own", first && "message--first", last && "message--last")}
      data-event={event.key}
      data-event-id={event.id}
      data-status={event.status}
      tabIndex={focusable ? 0 : -1}
      aria-label={`${t("message.from", { name: sender.name, time: clockTime(event.timestamp, t.locale) })}: ${bodyText(body, sender, t)}`}
      role="article"
      onPointerEnter={(pointer) => pointer.pointerType === "mouse" && setActive(true)}
      onPointerLeave={() => setActive(false)}
      onFocus={() => setActive(true)}
      onBlur={(focus) => !focus.currentTarget.contains(focus.relatedTarget) && setActive(false)}
      onKeyDown={(key) => key.key === "Enter" && key.target === key.currentTarget && openMenu()}
    >
      {showAvatar && (
        <span className="message__avatar">
          {last && <Avatar id={sender.id} name={sender.name} picture={sender.avatar} size="s" />}
        </span>
      )}
      <div className="message__column">
        <div
          ref={bubble}
          className={classes("bubble", `bubble--${body.kind}`, jumbo && "bubble--jumbo")}
          onContextMenu={(mouse) => {
            if (window.getSelection()?.isCollapsed === false || (mouse.target as Element).closest("a") !== null) return;
            mouse.preventDefault();
            openMenu();
          }}
          {...press}
        >
          {showAvatar && first && (
            <div className="bubble__sender person" data-colour={colourOf(sender.id)}>
              <bdi>{sender.name}</bdi>
            </div>
          )}
          {event.quote !== undefined && <QuoteBlock quote={event.quote} model={model} t={t} />}
          <MessageContent
            event={event}
            onPicture={() => onPicture(event)}
            meta={<Meta event={event} read={read} t={t} />}
          />
          <Reactions event={event} model={model} t={t} />
          {(active || menu !== undefined) && event.can.react && (
            <Toolbar model={model} event={event} onMenu={setMenu} />
          )}
        </div>
        <Trouble event={event} model={model} t={t} />
      </div>
      <Readers people={event.readBy} t={t} />
      {menu !== undefined && <MessageMenus menu={menu} event={event} model={model} onMenu={setMenu} />}
    </div>
  );
});

function Toolbar({
  model,
  event,
  onMenu,
}: {
  model: ConversationModel;
  event: TimelineEvent;
  onMenu: (menu: OpenMenu) => void;
}) {
  const t = useT();
  return (
    <div className="message__toolbar">
      <IconButton
        label={t("action.react")}
        aria-haspopup="true"
        onClick={(click) => onMenu({ kind: "emoji", anchor: click.currentTarget })}
      >
        <SmilePlus />
      </IconButton>
      <IconButton label={t("action.reply")} onClick={() => model.reply(event)}>
        <Reply />
      </IconButton>
      <IconButton
        label={t("message.actions")}
        aria-haspopup="menu"
        onClick={(click) => onMenu({ kind: "actions", anchor: click.currentTarget })}
      >
        <Ellipsis />
      </IconButton>
    </div>
  );
}

/** Time, "edited" and the state of one's own message, in the corner of the bubble. */
function Meta({ event, read, t }: { event: TimelineEvent; read: boolean; t: Translate }) {
  return (
    <span className="bubble__meta">
      {event.edited && <span>{t("message.edited")}</span>}
      <time dateTime={new Date(event.timestamp).toISOString()} title={fullTime(event.timestamp, t.locale)}>
        {clockTime(event.timestamp, t.locale)}
      </time>
      {event.own && event.body.kind !== "deleted" && <StatusIcon event={event} read={read} t={t} />}
    </span>
  );
}

function StatusIcon({ event, read, t }: { event: TimelineEvent; read: boolean; t: Translate }) {
  if (event.status === "failed") return <CircleAlert className="bubble__failed" aria-label={t("message.failed")} />;
  if (event.status === "waiting") return <Clock aria-label={t("message.waiting")} />;
  if (event.status === "sending") return <Clock aria-label={t("message.sending")} />;
  return read ? (
    <CheckCheck className="bubble__read" aria-label={t("message.read")} />
  ) : (
    <Check aria-label={t("message.sent")} />
  );
}

function QuoteBlock({ quote, model, t }: { quote: Quote; model: ConversationModel; t: Translate }) {
  const { eventId, sender, own, body } = quote;
  return (
    <button
      type="button"
      className="quote person"
      data-colour={own ? undefined : colourOf(sender?.id ?? "")}
      data-own={own}
      onClick={() => void model.jumpTo(eventId)}
    >
      <bdi className="quote__sender ellipsis">{own ? t("preview.you") : (sender?.name ?? "…")}</bdi>
      <span className="quote__text">
        {body === undefined || sender === undefined ? t("timeline.quote.missing") : bodyText(body, sender, t)}
      </span>
    </button>
  );
}

function Reactions({ event, model, t }: { event: TimelineEvent; model: ConversationModel; t: Translate }) {
  if (event.reactions.length === 0) return null;
  const list = new Intl.ListFormat(t.locale);
  return (
    <ul className="reactions">
      {event.reactions.map(({ emoji, count, mine, names }) => {
        const label = t("message.reacted", { names: list.format(names.slice(0, 20)), emoji });
        return (
          <li key={emoji}>
            <button
              type="button"
              className="reaction"
              aria-pressed={mine !== undefined}
              title={label}
              disabled={!event.can.react}
              onClick={() => model.toggleReaction(event, emoji)}
            >
              <span aria-hidden>{emoji}</span>
              <span aria-hidden>{count}</span>
              <span className="visually-hidden">{label}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Says what happened to a message that was not sent, and what can be done. */
function Trouble({ event, model, t }: { event: TimelineEvent; model: ConversationModel; t: Translate }) {
  if (event.status !== "failed" && event.status !== "waiting") return null;
  return (
    <div className={classes("trouble", event.status === "failed" && "trouble--failed")} role="status">
      <span>{t(event.status === "failed" ? "message.failed" : "message.waiting")}</span>
      <Button kind="text" onClick={() => model.retry(event)}>
        {t("action.retry")}
      </Button>
      <Button kind="text" onClick={() => model.discard(event)}>
        {t("action.discard")}
      </Button>
    </div>
  );
}

const FACES = 5;

function Readers({ people, t }: { people: readonly Person[]; t: Translate }) {
  if (people.length === 0) return null;
  const label = t("message.readBy", { names: new Intl.ListFormat(t.locale).format(people.map(({ name }) => name)) });
  return (
    <div className="readers" role="img" aria-label={label} title={label}>
      {people.slice(0, FACES).map(({ id, name, avatar }) => (
        <Avatar key={id} id={id} name={name} picture={avatar} size="xs" />
      ))}
      {people.length > FACES && <span>+{people.length - FACES}</span>}
    </div>
  );
}

/** A long touch opens the menu where there is no mouse to hover with. */
function useLongPress(onPress: () => void) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const stop = () => clearTimeout(timer.current);
  return {
    onPointerDown(event: PointerEvent) {
      if (event.pointerType === "touch") timer.current = setTimeout(onPress, LONG_PRESS);
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onPointerMove: stop,
  };
}
