import { type FormEvent, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { deepEqual } from "../../lib/equal.ts";
import { faultOf, isAllowed, patternsOf, type ServerAccess } from "../../lib/serveracl.ts";
import type { Translate } from "../../i18n/index.ts";
import type { Administration } from "../../matrix/administration.ts";
import { Button, Field, Switch } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { Choice } from "./Choice.tsx";

/** What few groups need: whether guests come in, and which servers take part. Folded. */
export function AdvancedRules({ administration }: { administration: Administration }) {
  const t = useT();
  const { guests, admission, can } = useReadable(administration.rules);
  return (
    <details className="advanced">
      <summary>{t("rules.advanced")}</summary>
      <section>
        <Choice
          label={t("rules.guests")}
          value={guests ? "in" : "out"}
          options={[
            { value: "in", label: t(admission === "public" ? "rules.guests.in" : "rules.guests.invited") },
            { value: "out", label: t("rules.guests.out") },
          ]}
          disabled={!can.guests}
          onChange={(value) => void attempt(() => administration.setGuests(value === "in"))}
        />
        <Servers administration={administration} />
      </section>
    </details>
  );
}

interface Draft {
  every: boolean;
  /** One pattern a line. */
  allow: string;
  deny: string;
  addresses: boolean;
}

/** Changed as a whole: half of a list could shut out whoever writes it. */
function Servers({ administration }: { administration: Administration }) {
  const t = useT();
  const { servers, can } = useReadable(administration.rules);
  const { server } = administration;
  const [typed, setTyped] = useState<Draft>();
  const [busy, setBusy] = useState(false);
  const draft = typed ?? draftOf(servers, server);
  const wanted = typed === undefined ? servers : accessOf(typed);
  const [known, setKnown] = useState(servers);
  if (known !== servers) {
    setKnown(servers);
    // What has arrived is no draft any more.
    if (deepEqual(wanted, servers)) setTyped(undefined);
  }
  const change = (part: Partial<Draft>) => setTyped({ ...draft, ...part });
  const wrong = deepEqual(wanted, servers) ? {} : wrongIn(wanted, server, t);
  const isWrong = wrong.allow !== undefined || wrong.deny !== undefined;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (isWrong) return;
    setBusy(true);
    await attempt(() => administration.setServers(wanted));
    setBusy(false);
  };
  const list = (name: "allow" | "deny") =>
    (can.servers || draft[name] !== "") && (
      <Field label={t(`rules.servers.${name}`)} hint={wrong[name]} tone="problem">
        {(ids) => (
          <textarea
            {...ids}
            aria-invalid={wrong[name] !== undefined}
            className="field__input"
            rows={Math.min(8, Math.max(2, draft[name].split("\n").length))}
            readOnly={!can.servers}
            spellCheck={false}
            autoCapitalize="none"
            dir="ltr"
            value={draft[name]}
            onChange={(event) => change({ [name]: event.target.value })}
          />
        )}
      </Field>
    );
  return (
    <form className="advanced__servers" onSubmit={save}>
      <Choice
        label={t("rules.servers")}
        value={draft.every ? "every" : "only"}
        options={[
          { value: "every", label: t("rules.servers.every") },
          { value: "only", label: t("rules.servers.only") },
        ]}
        disabled={!can.servers}
        onChange={(value) => change({ every: value === "every" })}
      />
      {!draft.every && list("allow")}
      {list("deny")}
      {can.servers && (
        <>
          <p className="field__hint">{t("rules.servers.hint")}</p>
          <Switch
            label={t("rules.servers.addresses")}
            hint={t("rules.servers.addresses.hint")}
            checked={draft.addresses}
            onChange={(addresses) => change({ addresses })}
          />
        </>
      )}
      {!deepEqual(wanted, servers) && (
        <div className="advanced__foot">
          <Button onClick={() => setTyped(undefined)}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={isWrong}>
            {t("action.save")}
          </Button>
        </div>
      )}
    </form>
  );
}

function draftOf({ allow, deny, addresses }: ServerAccess, server: string): Draft {
  const every = allow.includes("*");
  // Whoever names the servers begins with their own.
  return { every, allow: every ? server.replace(/:\d+$/, "") : allow.join("\n"), deny: deny.join("\n"), addresses };
}

function accessOf({ every, allow, deny, addresses }: Draft): ServerAccess {
  return { allow: every ? ["*"] : patternsOf(allow), deny: patternsOf(deny), addresses };
}

/** What is wrong, by the list that it is about. */
function wrongIn(access: ServerAccess, server: string, t: Translate): Partial<Record<"allow" | "deny", string>> {
  const faulty = (patterns: readonly string[]) => {
    const name = patterns.find((pattern) => faultOf(pattern) !== undefined);
    const fault = name === undefined ? undefined : faultOf(name);
    return name === undefined || fault === undefined
      ? undefined
      : t(`rules.servers.wrong.${fault}`, { name: name.slice(0, 60) });
  };
  const [allow, deny] = [faulty(access.allow), faulty(access.deny)];
  if (allow !== undefined || deny !== undefined || isAllowed(access, server)) return { allow, deny };
  const own = t("rules.servers.own", { server });
  return access.allow.includes("*") || isAllowed({ ...access, deny: [] }, server) ? { deny: own } : { allow: own };
}
