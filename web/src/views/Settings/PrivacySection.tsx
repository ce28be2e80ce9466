import { useEffect, useMemo, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { preferences, setPreference } from "../../base/preferences.ts";
import { RemoteSwitch, Switch } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { BlockedList } from "../People/Blocked.tsx";
import { LinkPreviewSetting } from "./LinkPreviewSetting.tsx";
import { Card } from "./parts.tsx";

export function PrivacySection() {
  const t = useT();
  const { presence, receipts, typing } = useReadable(preferences);
  return (
    <>
      <Card title={t("settings.seen")} kept="account">
        <Switch
          label={t("settings.presence")}
          hint={t("settings.presence.hint")}
          checked={presence === "shown"}
          onChange={(on) => setPreference("presence", on ? "shown" : "hidden")}
        />
        <Switch
          label={t("settings.receipts")}
          hint={t("settings.receipts.hint")}
          checked={receipts === "public"}
          onChange={(on) => setPreference("receipts", on ? "public" : "private")}
        />
        <Switch
          label={t("settings.typing")}
          hint={t("settings.typing.hint")}
          checked={typing === "shown"}
          onChange={(on) => setPreference("typing", on ? "shown" : "hidden")}
        />
      </Card>
      <Invitations />
      <Card title={t("settings.previews")}>
        <LinkPreviewSetting />
      </Card>
      <Card title={t("people.blocked")} text={t("settings.blocked.text")}>
        <BlockedList />
      </Card>
    </>
  );
}

/** Shown where the server can do it. */
function Invitations() {
  const t = useT();
  const account = useAccount();
  const from = useReadable(useMemo(() => account.persons.invites, [account]));
  const [possible, setPossible] = useState(false);
  useEffect(() => {
    account.persons.canLimitInvites().then(setPossible, () => undefined);
  }, [account]);
  if (!possible) return null;
  return (
    <Card title={t("settings.invites")} kept="account">
      <RemoteSwitch
        label={t("settings.invites.take")}
        hint={t("settings.invites.hint")}
        checked={from === "everybody"}
        onChange={(on) => attempt(() => account.persons.setInvites(on ? "everybody" : "nobody"))}
      />
    </Card>
  );
}
