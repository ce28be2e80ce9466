/** Why the client does not run in this tab, and what to do about it. */
import { AppWindow, KeyRound } from "lucide-react";
import { useState } from "react";
import { useT } from "../../base/hooks.ts";
import { Button, EmptyState } from "../../ui/controls.tsx";
import { app } from "../../viewmodels/app.ts";

/** Another tab runs the client. */
export function Elsewhere({ taking }: { taking: boolean }) {
  const t = useT();
  return (
    <main className="failure">
      <EmptyState icon={<AppWindow />} title={t("tabs.title")} text={t("tabs.text")}>
        <Button kind="primary" busy={taking} onClick={() => void app.runHere()} autoFocus>
          {t("tabs.useHere")}
        </Button>
      </EmptyState>
    </main>
  );
}

/** The browser has thrown this session's keys away. */
export function KeysLost() {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const signOut = () => {
    setBusy(true);
    void app.signOut();
  };
  return (
    <main className="failure">
      <EmptyState icon={<KeyRound />} title={t("keysLost.title")} text={t("keysLost.text")}>
        <Button kind="primary" busy={busy} onClick={signOut}>
          {t("keysLost.signIn")}
        </Button>
      </EmptyState>
    </main>
  );
}
