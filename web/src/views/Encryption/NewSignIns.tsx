/** Says above the list that somebody has signed in to the account, and asks whether it was its owner. */
import "./Notices.css";
import { LogIn } from "lucide-react";
import { useAccount, useNow, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { listTime } from "../../lib/time.ts";
import { Button } from "../../ui/controls.tsx";

export function NewSignIns() {
  const t = useT();
  const { signIns } = useAccount().encryption;
  const unknown = useReadable(signIns.unknown);
  const now = useNow();
  const [last] = unknown;
  if (last === undefined) return null;
  const name = last.name || t("sessions.unnamed");
  const used = last.lastSeen === undefined ? name : `${name} · ${listTime(last.lastSeen, now, t.locale)}`;
  return (
    <div className="sign-ins" role="status" aria-label={t.count("signIns.title", unknown.length)}>
      <LogIn aria-hidden />
      <div className="reminder__text">
        <strong>{t.count("signIns.title", unknown.length)}</strong>
        <p>
          <bdi>{used}</bdi>
        </p>
        <p>{t("signIns.text")}</p>
        <div className="sign-ins__actions">
          <Button kind="text" onClick={() => signIns.acknowledge()}>
            {t("signIns.mine")}
          </Button>
          <Button kind="text" onClick={() => router.go({ name: "settings", section: "sessions" })}>
            {t("signIns.look")}
          </Button>
        </div>
      </div>
    </div>
  );
}
