import { BellOff, CalendarClock, ChevronUp, Clock, CornerDownLeft, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { momentText } from "../../lib/time.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import { Button, Field, IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import type { MenuItem } from "../../ui/Popover.tsx";
import { type ComposerModel, LATEST } from "../../viewmodels/composer.ts";
import { habits, setHabit } from "../../viewmodels/habits.ts";
import { attempt } from "../../viewmodels/toasts.ts";

interface SendOptionsProps {
  writing: ComposerModel;
  text: string;
  onSilent: () => void;
  onScheduled: () => void;
}

/** Other ways to send: without sound, later; and which key sends. */
export function SendOptions({ writing, text, onSilent, onScheduled }: SendOptionsProps) {
  const t = useT();
  const { enterSends } = useReadable(habits);
  const [later, setLater] = useState(false);
  const items: MenuItem[] = [
    { label: t("composer.silent"), icon: <BellOff />, onSelect: onSilent },
    { label: t("composer.later"), icon: <CalendarClock />, onSelect: () => setLater(true) },
    {
      label: t(enterSends ? "composer.ctrlEnter" : "composer.enter"),
      icon: <CornerDownLeft />,
      onSelect: () => setHabit("enterSends", !enterSends),
    },
  ];
  return (
    <>
      <MenuButton label={t("composer.more")} icon={<ChevronUp />} items={items} className="composer__more" />
      {later && (
        <SendLater
          encrypted={writing.conversation.room.composing.encrypted}
          onClose={() => setLater(false)}
          onTime={async (time) => {
            if (!(await writing.sendLater(text, time))) return;
            setLater(false);
            onScheduled();
          }}
        />
      )}
    </>
  );
}

interface SendLaterProps {
  encrypted: boolean;
  onTime: (time: number) => Promise<void>;
  onClose: () => void;
}

function SendLater({ encrypted, onTime, onClose }: SendLaterProps) {
  const t = useT();
  const [value, setValue] = useState(() => localTime(inOneHour()));
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const time = new Date(value).getTime();
  const valid = time > Date.now() && time <= Date.now() + LATEST;
  const evening = at(0, 20);
  const submit = async () => {
    setTried(true);
    if (!valid) return;
    setBusy(true);
    await onTime(time);
    setBusy(false);
  };
  return (
    <Dialog title={t("later.title")} onClose={onClose}>
      <form
        className="dialog__body"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {encrypted ? (
          <p>{t("later.encrypted")}</p>
        ) : (
          <>
            <div className="later__choices">
              <Button onClick={() => setValue(localTime(inOneHour()))}>{t("later.hour")}</Button>
              {evening.getTime() > Date.now() && (
                <Button onClick={() => setValue(localTime(evening))}>{t("later.evening")}</Button>
              )}
              <Button onClick={() => setValue(localTime(at(1, 9)))}>{t("later.tomorrow")}</Button>
            </div>
            <Field
              label={t("later.time")}
              tone={tried && !valid ? "problem" : undefined}
              hint={tried && !valid ? t("later.invalid") : t("later.hint")}
            >
              {(ids) => (
                <input
                  {...ids}
                  type="datetime-local"
                  className="field__input"
                  value={value}
                  onChange={(event) => setValue(event.target.value)}
                />
              )}
            </Field>
          </>
        )}
        <div className="dialog__foot">
          <Button onClick={onClose}>{t(encrypted ? "action.close" : "action.cancel")}</Button>
          {!encrypted && (
            <Button kind="primary" type="submit" busy={busy}>
              {t("later.send")}
            </Button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function inOneHour(): Date {
  return new Date(Date.now() + 3_600_000);
}

function at(days: number, hour: number): Date {
  const date = new Date();
  date.setDate(date.getDate() + days);
  date.setHours(hour, 0, 0, 0);
  return date;
}

/** As `datetime-local` writes it. */
function localTime(date: Date): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Messages that wait on the server, above the box. */
export function ScheduledBar({ composing }: { composing: RoomHandle["composing"] }) {
  const t = useT();
  const scheduled = useReadable(composing.scheduled);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    // A server without delayed events has none.
    composing.loadScheduled().catch(() => undefined);
  }, [composing]);
  if (scheduled === undefined || scheduled.length === 0) return null;
  return (
    <>
      <button type="button" className="composer__scheduled" onClick={() => setOpen(true)}>
        <Clock aria-hidden />
        {t.count("later.waiting", scheduled.length)}
      </button>
      {open && (
        <Dialog title={t("later.list")} onClose={() => setOpen(false)}>
          <ul className="dialog__body later__list">
            {scheduled.map(({ id, text, time }) => (
              <li key={id}>
                <span className="later__text">
                  <span className="ellipsis">{text}</span>
                  <time dateTime={new Date(time).toISOString()}>{momentText(time, t.locale)}</time>
                </span>
                <IconButton
                  label={t("later.cancel", { text: text.slice(0, 40) })}
                  onClick={() => void attempt(() => composing.cancelScheduled(id))}
                >
                  <X />
                </IconButton>
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </>
  );
}
