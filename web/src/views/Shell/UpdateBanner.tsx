import { Sparkles } from "lucide-react";
import { useReadable, useT } from "../../base/hooks.ts";
import { takeNewVersion, waitingVersion } from "../../viewmodels/serviceworker.ts";

/** Offers a new version of the client; nobody is interrupted for it. */
export function UpdateBanner() {
  const t = useT();
  const waiting = useReadable(waitingVersion);
  return (
    <div role="status">
      {waiting !== undefined && (
        <div className="connection connection--good">
          <Sparkles aria-hidden />
          <span>{t("update.ready")}</span>
          <button type="button" onClick={takeNewVersion}>
            {t("update.take")}
          </button>
        </div>
      )}
    </div>
  );
}
