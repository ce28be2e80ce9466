import { Bell, Play, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { CHOICES, preferences, setPreference } from "../../base/preferences.ts";
import { type QuietHours, timeZones } from "../../lib/quiet.ts";
import type { DefaultLevel } from "../../matrix/types.ts";
import { Button, Field, IconButton, RemoteSwitch, Switch } from "../../ui/controls.tsx";
import { notificationPermission, requestPermission, showTest } from "../../viewmodels/notifications.ts";
import { playSound } from "../../viewmodels/sounds.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { Card, Choice, useRemote } from "./parts.tsx";

export function NotificationsSection() {
  return (
    <>
      <Rules />
      <Keywords />
      <ThisDevice />
      <Sounds />
      <Quiet />
    </>
  );
}

/** What notifies, in the account's push rules: every client and device follows them. */
function Rules() {
  const t = useT();
  const { push } = useAccount();
  const settings = useReadable(push.settings);
  const [direct, setDirect] = useRemote(settings.direct, (level: DefaultLevel) => attempt(() => push.setDirect(level)));
  const [groups, setGroups] = useRemote(settings.groups, (level: DefaultLevel) => attempt(() => push.setGroups(level)));
  const levels: readonly { value: DefaultLevel; label: string }[] = [
    { value: "all", label: t("notify.level.all") },
    { value: "mentions", label: t("notify.level.mentions") },
  ];
  return (
    <Card title={t("notify.rules")} text={t("notify.rules.text")} kept="account">
      <RemoteSwitch
        label={t("notify.paused")}
        hint={t("notify.paused.hint")}
        checked={settings.paused}
        onChange={(on) => attempt(() => push.setPaused(on))}
      />
      <Choice label={t("notify.direct")} value={direct} options={levels} onChange={setDirect} />
      <Choice label={t("notify.groups")} value={groups} options={levels} onChange={setGroups} />
      <RemoteSwitch
        label={t("notify.mentions")}
        checked={settings.mentions}
        onChange={(on) => attempt(() => push.setMentions(on))}
      />
      <RemoteSwitch
        label={t("notify.everybody")}
        checked={settings.everybody}
        onChange={(on) => attempt(() => push.setEverybody(on))}
      />
      <RemoteSwitch
        label={t("notify.invites")}
        checked={settings.invites}
        onChange={(on) => attempt(() => push.setInvites(on))}
      />
    </Card>
  );
}

const MAX_KEYWORD = 60;

function Keywords() {
  const t = useT();
  const { push } = useAccount();
  const { keywords } = useReadable(push.settings);
  const [word, setWord] = useState("");
  const [busy, setBusy] = useState(false);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = word.trim();
    if (wanted === "" || keywords.includes(wanted)) return setWord("");
    setBusy(true);
    if (await attempt(() => push.addKeyword(wanted))) setWord("");
    setBusy(false);
  };
  return (
    <Card title={t("notify.keywords")} text={t("notify.keywords.text")} kept="account">
      {keywords.length > 0 && (
        <ul className="picker__chips">
          {keywords.map((keyword) => (
            <li key={keyword} className="picker__chip">
              <bdi className="ellipsis">{keyword}</bdi>
              <IconButton
                className="keyword__remove"
                label={t("notify.keywords.remove", { word: keyword })}
                onClick={() => void attempt(() => push.removeKeyword(keyword))}
              >
                <X />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
      <form className="settings__inline" onSubmit={(event) => void add(event)}>
        <Field label={t("notify.keywords.add")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              name="keyword"
              autoComplete="off"
              maxLength={MAX_KEYWORD}
              value={word}
              onChange={(event) => setWord(event.target.value)}
            />
          )}
        </Field>
        <Button type="submit" busy={busy} disabled={word.trim() === ""}>
          {t("notify.keywords.do")}
        </Button>
      </form>
    </Card>
  );
}

function ThisDevice() {
  const t = useT();
  const { notify, preview } = useReadable(preferences);
  const permission = useReadable(notificationPermission);
  const toggle = (on: boolean) => {
    setPreference("notify", on ? "on" : "off");
    if (on && permission === "default") void requestPermission();
  };
  if (permission === "unsupported") {
    return (
      <Card title={t("notify.device")} text={t("notify.unsupported")}>
        {null}
      </Card>
    );
  }
  return (
    <Card title={t("notify.device")} kept="device">
      <Switch
        label={t("notify.show")}
        hint={t("notify.show.hint")}
        checked={notify === "on" && permission === "granted"}
        onChange={toggle}
      />
      {notify === "on" && permission === "granted" && <Closed />}
      <Switch
        label={t("notify.preview")}
        hint={t("notify.preview.hint")}
        checked={preview === "on"}
        onChange={(on) => setPreference("preview", on ? "on" : "off")}
      />
      {permission === "denied" && <p className="notice notice--problem">{t("notify.denied")}</p>}
      <div>
        <Button disabled={notify === "off" || permission !== "granted"} onClick={() => showTest(t)}>
          <Bell aria-hidden />
          {t("notify.test")}
        </Button>
      </div>
    </Card>
  );
}

/** Whether messages arrive while the client is closed. */
function Closed() {
  const t = useT();
  const state = useReadable(useAccount().webPush.state);
  return (
    <p className="settings__text" role="status">
      {state === "off" ? t("webpush.starting") : t(`webpush.${state}`)}
    </p>
  );
}

function Sounds() {
  const t = useT();
  const { sound } = useReadable(preferences);
  return (
    <Card title={t("notify.sound")} kept="account">
      <Choice
        label={t("notify.sound.of")}
        value={sound}
        options={CHOICES.sound.map((value) => ({ value, label: t(`notify.sound.${value}`) }))}
        onChange={(value) => {
          setPreference("sound", value);
          playSound(value);
        }}
      />
      <div>
        <Button disabled={sound === "none"} onClick={() => playSound(sound)}>
          <Play aria-hidden />
          {t("notify.sound.play")}
        </Button>
      </div>
    </Card>
  );
}

function Quiet() {
  const t = useT();
  const { quiet } = useReadable(preferences);
  const change = (part: Partial<QuietHours>) => setPreference("quiet", { ...quiet, ...part });
  const time = (key: "from" | "to") => (
    <Field label={t(`notify.quiet.${key}`)}>
      {(ids) => (
        <input
          {...ids}
          className="field__input"
          type="time"
          required
          value={quiet[key]}
          onChange={(event) => event.target.value !== "" && change({ [key]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <Card title={t("notify.quiet")} text={t("notify.quiet.text")} kept="account">
      <Switch label={t("notify.quiet.on")} checked={quiet.on} onChange={(on) => change({ on })} />
      {quiet.on && (
        <div className="settings__quiet">
          {time("from")}
          {time("to")}
          <Field label={t("notify.quiet.zone")}>
            {(ids) => (
              <select
                {...ids}
                className="field__input"
                value={quiet.zone}
                onChange={(event) => change({ zone: event.target.value })}
              >
                {timeZones().map((zone) => (
                  <option key={zone} value={zone}>
                    {zone.replace(/_/g, " ")}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
      )}
    </Card>
  );
}
