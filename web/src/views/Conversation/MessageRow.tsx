import {
  Check,
  CheckCheck,
  Circle,
  CircleAlert,
  CircleCheck,
  Clock,
  Ellipsis,
  LockKeyholeOpen,
  Reply,
  ShieldAlert,
  ShieldQuestion,
  SmilePlus,
} from "lucide-react";
import { memo, useRef, useState } from "react";
import { useT } from "../../base/hooks.ts";
import type { Translate } from "../../i18n/index.ts";
import { classes } from "../../lib/classes.ts";
import type { MessageRow as LaidOutRow } from "../../lib/layout.ts";
import { bodyText } from "../../lib/summary.ts";
import { colourOf, directionOf, isJumboEmoji, isJumboEmote } from "../../lib/text.ts";
import { clockTime, fullTime } from "../../lib/time.ts";
import type { Person, Quote, Shield, TimelineEvent } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton } from "../../ui/controls.tsx";
import { useLongPress } from "../../ui/useLongPress.ts";
import { useSwipe } from "../../ui/useSwipe.ts";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { ThreadLine } from "../Thread/ThreadLine.tsx";
import { Album } from "./Album.tsx";
import { MessageContent } from "./MessageContent.tsx";
import { MessageMenus, type OpenMenu } from "./MessageMenus.tsx";
import { ReactionMark, reactionName } from "./ReactionMark.tsx";
import { Trouble } from "./Trouble.tsx";

interface MessageRowProps {
  row: LaidOutRow;
  model: ConversationModel;
  direct: boolean;
  marked: boolean;
  /** While messages are being chosen: whether this one is. */
  selected: boolean | undefined;
  /** The one message that Tab reaches; arrows lead to the others. */
  focusable: boolean;
  onPicture: (event: TimelineEvent) => void;
}

export const MessageRow = memo(function MessageRow({
  row,
  model,
  direct,
  marked,
  selected,
  focusable,
  onPicture,
}: MessageRowProps) {
  const t = useT();
  const { event, first, last, read, album } = row;
  const { own, sender, body } = event;
  const tail = album?.at(-1) ?? event;
  const shown = album ?? [event];
  const bubble = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(false);
  const [menu, setMenu] = useState<OpenMenu>();
  /** Which of several pictures the menu is about. */
  const [about, setAbout] = useState<string>();
  const openMenu = () => {
    if (bubble.current === null) return;
    setAbout(undefined);
    setMenu({ kind: "actions", anchor: bubble.current });
  };
  const openMenuOf = (one: TimelineEvent, anchor: Element) => {
    setAbout(one.key);
    setMenu({ kind: "actions", anchor });
  };
  const press = useLongPress(openMenu);
  const root = useRef<HTMLDivElement>(null);
  const { swiped, handlers: swipe } = useSwipe(
    root,
    event.can.react && selected === undefined ? { onLeft: () => model.reply(event) } : {},
  );
  const showAvatar = !own && !direct;
  const jumbo =
    body.kind === "text" &&
    (isJumboEmoji(body.text) || isJumboEmote(body.text, body.html)) &&
    event.quote === undefined;
  return (
    <div
      ref={root}
      {...swipe}
      className={classes(
        "message",
        own && "message--own",
        first && "message--first",
        last && "message--last",
        marked && "message--marked",
        selected !== undefined && "message--selecting",
        selected === true && "message--selected",
      )}
      data-event={event.key}
      data-event-id={tail.id}
      data-events={album?.map(({ id = "" }) => id).join(" ")}
      data-status={tail.status}
      tabIndex={focusable ? 0 : -1}
      aria-label={`${t("message.from", { name: sender.name, time: clockTime(event.timestamp, t.locale) })}: ${bodyText(body, sender, t)}${event.shield === undefined ? "" : `. ${t(`shield.${event.shield}`)}`}`}
      role="article"
      onPointerEnter={(pointer) => pointer.pointerType === "mouse" && setActive(true)}
      onPointerLeave={() => setActive(false)}
      onFocus={() => setActive(true)}
      onBlur={(focus) => !focus.currentTarget.contains(focus.relatedTarget) && setActive(false)}
      onKeyDown={(key) => {
        if (key.key !== "Enter" || key.target !== key.currentTarget) return;
        // Else the same key press would choose what gets the focus.
        key.preventDefault();
        openMenu();
      }}
      // While choosing, every click on a message chooses it, whatever it hits.
      onClickCapture={(click) => {
        if (selected === undefined) return;
        click.stopPropagation();
        click.preventDefault();
        for (const one of shown)
          if (selected === (one.id !== undefined && isChosen(model, one.id))) model.selection.toggle(one);
      }}
    >
      {swiped && <Reply className="message__swipe" aria-hidden />}
      {selected !== undefined && event.id !== undefined && (
        <button
          type="button"
          role="checkbox"
          className="message__check"
          aria-checked={selected}
          aria-label={t("selection.toggle")}
        >
          {selected ? <CircleCheck /> : <Circle />}
        </button>
      )}
      {showAvatar && (
        <span className="message__avatar">
          {last && (
            <button type="button" tabIndex={-1} onClick={() => openPerson(sender.id, model.roomId)}>
              <span className="visually-hidden">{t("person.open", { name: sender.name })}</span>
              <Avatar id={sender.id} name={sender.name} picture={sender.avatar} size="s" />
            </button>
          )}
        </span>
      )}
      <div className="message__column">
        <div
          ref={bubble}
          className={classes(
            "bubble",
            `bubble--${body.kind}`,
            album !== undefined && "bubble--album",
            jumbo && "bubble--jumbo",
          )}
          onContextMenu={(mouse) => {
            if (window.getSelection()?.isCollapsed === false || (mouse.target as Element).closest("a") !== null) return;
            mouse.preventDefault();
            openMenu();
          }}
          {...press}
        >
          {showAvatar && first && (
            <button
              type="button"
              tabIndex={-1}
              className="bubble__sender person"
              data-colour={colourOf(sender.id)}
              onClick={() => openPerson(sender.id, model.roomId)}
            >
              <bdi>{sender.name}</bdi>
            </button>
          )}
          {event.quote !== undefined && <QuoteBlock quote={event.quote} from={event.id} model={model} t={t} />}
          {album === undefined ? (
            <MessageContent
              event={event}
              model={model}
              onPicture={() => onPicture(event)}
              meta={<Meta event={event} read={read} t={t} onMenu={setMenu} />}
            />
          ) : (
            <Album
              events={album}
              meta={<Meta event={tail} read={read} t={t} onMenu={setMenu} />}
              onPicture={onPicture}
              onMenu={openMenuOf}
            />
          )}
          {event.thread !== undefined && model.threadId === undefined && (
            <ThreadLine thread={event.thread} onOpen={() => event.id && model.openedThread.set({ rootId: event.id })} />
          )}
          {shown.map((one) => (
            <Reactions
              key={one.key}
              event={one}
              model={model}
              t={t}
              onMenu={(next) => {
                setAbout(one.key);
                setMenu(next);
              }}
            />
          ))}
          {(active || menu !== undefined) && event.can.react && selected === undefined && (
            <Toolbar
              model={model}
              event={event}
              onMenu={(next) => {
                setAbout(undefined);
                setMenu(next);
              }}
            />
          )}
        </div>
        {shown.map((one) => (
          <Trouble key={one.key} event={one} model={model} />
        ))}
      </div>
      <Readers people={shown.flatMap(({ readBy }) => readBy)} t={t} onMenu={setMenu} />
      {menu !== undefined && (
        <MessageMenus
          menu={menu}
          event={shown.find(({ key }) => key === about) ?? event}
          model={model}
          onMenu={setMenu}
        />
      )}
    </div>
  );
});

function isChosen(model: ConversationModel, id: string): boolean {
  return model.selection.chosen.get()?.has(id) === true;
}

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
interface MetaProps {
  event: TimelineEvent;
  read: boolean;
  t: Translate;
  onMenu: (menu: OpenMenu) => void;
}

function Meta({ event, read, t, onMenu }: MetaProps) {
  return (
    <span className="bubble__meta">
      <span className="bubble__facts" dir={directionOf(t.locale)}>
        {event.edited && (
          <button
            type="button"
            tabIndex={-1}
            className="bubble__edited"
            title={t("message.versions")}
            onClick={(click) => {
              click.stopPropagation();
              onMenu({ kind: "info", anchor: click.currentTarget, tab: "versions" });
            }}
          >
            {t("message.edited")}
          </button>
        )}
        {event.shield !== undefined && <ShieldMark shield={event.shield} t={t} onMenu={onMenu} />}
        <time dateTime={new Date(event.timestamp).toISOString()} title={fullTime(event.timestamp, t.locale)}>
          {clockTime(event.timestamp, t.locale)}
        </time>
        {event.own && event.body.kind !== "deleted" && <StatusIcon event={event} read={read} t={t} />}
      </span>
    </span>
  );
}

/** Quiet for what is only less certain, red for what should not be; a click says more. */
function ShieldMark({ shield, t, onMenu }: { shield: Shield } & Pick<MetaProps, "t" | "onMenu">) {
  const label = t(`shield.${shield}`);
  const Icon = shield === "in-clear" ? LockKeyholeOpen : shield === "not-guaranteed" ? ShieldQuestion : ShieldAlert;
  return (
    <button
      type="button"
      tabIndex={-1}
      className="bubble__shield"
      data-shield={shield}
      aria-label={label}
      title={label}
      onClick={(click) => {
        click.stopPropagation();
        onMenu({ kind: "info", anchor: click.currentTarget, tab: "readers" });
      }}
    >
      <Icon aria-hidden />
    </button>
  );
}

function StatusIcon({ event, read, t }: { event: TimelineEvent; read: boolean; t: Translate }) {
  if (event.status === "failed") return <CircleAlert className="bubble__failed" aria-label={t("message.failed")} />;
  if (event.status === "waiting") return <Clock aria-label={t("message.waiting")} />;
  const changing = event.changes?.some(({ status }) => status !== "failed") === true;
  if (event.status === "sending" || changing) return <Clock aria-label={t("message.sending")} />;
  return read ? (
    <CheckCheck className="bubble__read" aria-label={t("message.read")} />
  ) : (
    <Check aria-label={t("message.sent")} />
  );
}

interface QuoteBlockProps {
  quote: Quote;
  /** The message that quotes: where one returns to. */
  from: string | undefined;
  model: ConversationModel;
  t: Translate;
}

function QuoteBlock({ quote, from, model, t }: QuoteBlockProps) {
  const { eventId, sender, own, body } = quote;
  return (
    <button
      type="button"
      className="quote person"
      data-colour={own ? undefined : colourOf(sender?.id ?? "")}
      data-own={own}
      onClick={() => void model.jumpTo(eventId, from)}
    >
      <bdi className="quote__sender ellipsis">{own ? t("preview.you") : (sender?.name ?? "…")}</bdi>
      <span className="quote__text">
        {body === undefined || sender === undefined ? t("timeline.quote.missing") : bodyText(body, sender, t)}
      </span>
    </button>
  );
}

interface ReactionsProps {
  event: TimelineEvent;
  model: ConversationModel;
  t: Translate;
  onMenu: (menu: OpenMenu) => void;
}

/** A click reacts, a long touch or the context menu shows who did. */
function Reactions({ event, model, t, onMenu }: ReactionsProps) {
  if (event.reactions.length === 0) return null;
  const list = new Intl.ListFormat(t.locale);
  return (
    <ul className="reactions">
      {event.reactions.map((reaction) => {
        const { emoji, shortcode, count, mine, names } = reaction;
        const label = t("message.reacted", {
          names: list.format(names.slice(0, 20)),
          emoji: reactionName(reaction, t),
        });
        return (
          <li key={emoji}>
            <button
              type="button"
              className="reaction"
              aria-pressed={mine !== undefined}
              title={label}
              disabled={!event.can.react}
              onClick={() => model.toggleReaction(event, emoji, shortcode)}
              onContextMenu={(mouse) => {
                mouse.preventDefault();
                mouse.stopPropagation();
                onMenu({ kind: "reactors", anchor: mouse.currentTarget, emoji });
              }}
            >
              <span aria-hidden>
                <ReactionMark emoji={emoji} />
              </span>
              <span aria-hidden>{count}</span>
              <span className="visually-hidden">{label}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const FACES = 5;

interface ReadersProps {
  people: readonly Person[];
  t: Translate;
  onMenu: (menu: OpenMenu) => void;
}

function Readers({ people, t, onMenu }: ReadersProps) {
  if (people.length === 0) return null;
  const label = t("message.readBy", { names: new Intl.ListFormat(t.locale).format(people.map(({ name }) => name)) });
  return (
    <button
      type="button"
      tabIndex={-1}
      className="readers"
      title={label}
      onClick={(click) => onMenu({ kind: "info", anchor: click.currentTarget, tab: "readers" })}
    >
      <span className="visually-hidden">{label}</span>
      {people.slice(0, FACES).map(({ id, name, avatar }) => (
        <Avatar key={id} id={id} name={name} picture={avatar} size="xs" />
      ))}
      {people.length > FACES && <span aria-hidden>+{people.length - FACES}</span>}
    </button>
  );
}
