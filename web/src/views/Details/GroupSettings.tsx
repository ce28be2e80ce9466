import "./GroupSettings.css";
import { Star, Trash2 } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { AUDIENCES, type Audience, PERMISSIONS } from "../../lib/powers.ts";
import { SLOW_CHOICES } from "../../lib/slowmode.ts";
import type { Translate } from "../../i18n/index.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { GroupRules, HistoryVisibility } from "../../matrix/types.ts";
import { Button, IconButton, RemoteSwitch } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { AdvancedRules } from "./AdvancedRules.tsx";
import { Choice } from "./Choice.tsx";

const HISTORIES: readonly HistoryVisibility[] = ["joined", "invited", "shared", "world_readable"];

/** What the administrators of a group decide, in words. Others read it. */
export function GroupSettings({ room }: { room: RoomHandle }) {
  const t = useT();
  const { administration } = room;
  const rules = useReadable(administration.rules);
  const { can } = rules;
  const space = useAdmittedSpace(room, rules);
  return (
    // Where nothing in it can be changed, the keyboard scrolls it all the same.
    <div className="group-settings" role="region" aria-label={t("rules.title")} tabIndex={can.roles ? undefined : 0}>
      <section>
        <h3>{t("rules.access")}</h3>
        <Choice
          label={t("rules.admission")}
          value={rules.admission}
          options={[
            { value: "invite" as const, label: t("rules.admission.invite") },
            ...(space === undefined
              ? []
              : [{ value: "space" as const, label: t("rules.admission.space", { name: space.name }) }]),
            { value: "knock" as const, label: t("rules.admission.knock") },
            { value: "public" as const, label: t("rules.admission.public") },
            ...(rules.admission === "other" ? [{ value: "other" as const, label: t("rules.admission.other") }] : []),
          ]}
          disabled={!can.admission}
          onChange={(value) => value !== "other" && void attempt(() => administration.setAdmission(value, space?.id))}
        />
        <Choice
          label={t("rules.history")}
          value={rules.history}
          options={HISTORIES.map((value) => ({ value, label: t(`rules.history.${value}`) }))}
          disabled={!can.history}
          onChange={(value) => void attempt(() => administration.setHistory(value))}
        />
      </section>
      <section>
        <h3>{t("rules.permissions")}</h3>
        {can.roles && (
          <RemoteSwitch
            label={t("rules.announcements")}
            hint={t("rules.announcements.hint")}
            checked={rules.permissions.send !== "everybody"}
            onChange={(on) => attempt(() => administration.setPermission("send", on ? "moderators" : "everybody"))}
          />
        )}
        <Choice
          label={t("slow.title")}
          value={String(rules.slowMode)}
          options={slowChoices(rules.slowMode).map((seconds) => ({
            value: String(seconds),
            label: seconds === 0 ? t("slow.off") : lasting(seconds, t),
          }))}
          disabled={!can.slowMode}
          onChange={(value) => void attempt(() => administration.setSlowMode(Number(value)))}
        />
        {PERMISSIONS.map((permission) => (
          <Choice
            key={permission}
            label={t(`rules.may.${permission}`)}
            value={rules.permissions[permission]}
            options={AUDIENCES.map((value: Audience) => ({ value, label: t(`rules.audience.${value}`) }))}
            disabled={!can.roles}
            onChange={(value) => void attempt(() => administration.setPermission(permission, value))}
          />
        ))}
      </section>
      <Addresses room={room} editable={can.alias} />
      <AdvancedRules administration={administration} />
    </div>
  );
}

/** The space whose members are let in, or could be: one that the group stands in. */
function useAdmittedSpace(
  room: RoomHandle,
  { admission, admitted }: GroupRules,
): { id: string; name: string } | undefined {
  const t = useT();
  const spaces = useReadable(useAccount().spaces.list);
  const { id } = useReadable(room.details);
  const joined = spaces.filter(({ membership }) => membership === "join");
  const chosen = joined.find((space) => admitted.includes(space.id));
  if (chosen !== undefined || admission !== "space") return chosen ?? joined.find(({ rooms }) => rooms.includes(id));
  // One that this account is not in.
  return { id: admitted[0] ?? "", name: t("space.unknown") };
}

/** Another client may have chosen a time of its own. */
function slowChoices(chosen: number): readonly number[] {
  return [...new Set([...SLOW_CHOICES, chosen])].sort((a, b) => a - b);
}

function lasting(seconds: number, t: Translate): string {
  const [value, unit] =
    seconds % 3600 === 0
      ? [seconds / 3600, "hour"]
      : seconds % 60 === 0
        ? [seconds / 60, "minute"]
        : [seconds, "second"];
  return new Intl.NumberFormat(t.locale, { style: "unit", unit, unitDisplay: "long" } as never).format(value as number);
}

function Addresses({ room, editable }: { room: RoomHandle; editable: boolean }) {
  const t = useT();
  const { administration } = room;
  const shown = useReadable(room.details).alias;
  const [aliases, setAliases] = useState<readonly string[]>([]);
  const [local, setLocal] = useState("");
  const [busy, setBusy] = useState(false);
  const load = () => attempt(async () => setAliases(await administration.aliases()));
  useEffect(() => {
    void administration.aliases().then(setAliases, () => undefined);
  }, [administration]);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    if (await attempt(() => administration.addAlias(local.trim().replace(/^#/, "").replace(/:.*$/, "")))) setLocal("");
    await load();
    setBusy(false);
  };
  const run = (action: () => Promise<unknown>) => void attempt(action).then(load);
  if (!editable && aliases.length === 0) return null;
  return (
    <section>
      <h3>{t("rules.addresses")}</h3>
      <ul className="addresses">
        {aliases.map((alias) => (
          <li key={alias}>
            <span className="addresses__alias">{alias}</span>
            {alias === shown ? (
              <Note>{t("rules.address.shown")}</Note>
            ) : (
              editable && (
                <IconButton
                  label={t("rules.address.show", { alias })}
                  onClick={() => run(() => administration.showAlias(alias))}
                >
                  <Star />
                </IconButton>
              )
            )}
            {editable && (
              <IconButton
                label={t("rules.address.remove", { alias })}
                onClick={() => run(() => administration.removeAlias(alias))}
              >
                <Trash2 />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {editable && (
        <form className="addresses__new" onSubmit={add}>
          <input
            className="field__input"
            aria-label={t("rules.address.new")}
            placeholder={t("rules.address.new")}
            autoComplete="off"
            value={local}
            onChange={(event) => setLocal(event.target.value)}
          />
          <Button type="submit" busy={busy} disabled={local.trim() === ""}>
            {t("rules.address.add")}
          </Button>
        </form>
      )}
    </section>
  );
}

function Note({ children }: { children: ReactNode }) {
  return <span className="member__role">{children}</span>;
}
