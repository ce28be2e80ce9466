import { useEffect, useId, useState } from "react";
import { useT } from "../../base/hooks.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallState, DeviceKind, MediaDevice } from "../../matrix/calls/types.ts";
import { Switch } from "../../ui/controls.tsx";
import { callSound } from "../../viewmodels/callSound.ts";
import { attempt } from "../../viewmodels/toasts.ts";

/** With which devices one is heard and seen, and how the connection is. */
export function Devices({ session, state }: { session: CallSession; state: CallState }) {
  const t = useT();
  const [sound, setSound] = useState(callSound.get());
  const change = (part: Partial<typeof sound>) => {
    const next = { ...sound, ...part };
    setSound(next);
    callSound.set(next);
    void attempt(() => session.setSound(next));
  };
  return (
    <div className="call-devices">
      {(["microphone", "camera", "speaker"] as const).map((kind) => (
        <DeviceOf key={kind} session={session} kind={kind} />
      ))}
      <Switch
        label={t("call.noise")}
        checked={sound.noiseSuppression}
        onChange={(noiseSuppression) => change({ noiseSuppression })}
      />
      <Switch
        label={t("call.echo")}
        checked={sound.echoCancellation}
        onChange={(echoCancellation) => change({ echoCancellation })}
      />
      <p className="call-devices__quality">
        <span>{t("call.quality")}</span>
        <span>{t(`call.quality.${state.me.quality}`)}</span>
      </p>
    </div>
  );
}

function DeviceOf({ session, kind }: { session: CallSession; kind: DeviceKind }) {
  const [list, setList] = useState<readonly MediaDevice[]>([]);
  const [chosen, setChosen] = useState(session.device(kind));
  useEffect(() => {
    let current = true;
    void session.devices(kind).then(
      (found) => current && setList(found),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [session, kind]);
  // Not every browser lets a page choose where sound goes.
  if (kind === "speaker" && list.length === 0) return null;
  return (
    <DeviceSelect
      kind={kind}
      list={list}
      chosen={chosen}
      onChoose={(id) => {
        setChosen(id);
        void attempt(() => session.setDevice(kind, id));
      }}
    />
  );
}

interface DeviceSelectProps {
  kind: DeviceKind;
  list: readonly MediaDevice[];
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

export function DeviceSelect({ kind, list, chosen, onChoose }: DeviceSelectProps) {
  const t = useT();
  const select = useId();
  const known = list.some(({ id }) => id === chosen) ? chosen : list[0]?.id;
  return (
    <div className="call-device">
      <label className="field__label" htmlFor={select}>
        {t(`call.${kind}`)}
      </label>
      <select
        id={select}
        className="field__input"
        disabled={list.length === 0}
        value={known ?? ""}
        onChange={({ target }) => onChoose(target.value)}
      >
        {list.length === 0 && <option value="">{t("call.device.none")}</option>}
        {list.map(({ id, name }, index) => (
          <option key={id} value={id}>
            {id === "default" ? t("call.device.default") : name || t("call.device.unnamed", { number: index + 1 })}
          </option>
        ))}
      </select>
    </div>
  );
}
