import { WifiOff } from "lucide-react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";

/** Says that the connection is lost, as long as it is. */
export function ConnectionBanner() {
  const t = useT();
  const account = useAccount();
  const status = useReadable(account.status);
  return (
    <div role="status">
      {status === "reconnecting" && (
        <div className="connection">
          <WifiOff aria-hidden />
          <span>{t("connection.lost")}</span>
          <button type="button" onClick={account.reconnect}>
            {t("connection.retry")}
          </button>
        </div>
      )}
    </div>
  );
}
