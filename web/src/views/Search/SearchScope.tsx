/** Says how far encrypted messages are searched, for only this browser can. */
import { LockKeyhole } from "lucide-react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { dateText } from "../../lib/time.ts";
import "./Search.css";

export function SearchScope() {
  const t = useT();
  const { search } = useAccount();
  const { state, messages, oldest, reading } = useReadable(search.status);
  const since = oldest === undefined ? "" : dateText(oldest, t.locale);
  const text = () => {
    if (state === "off" || state === "unavailable") return t(`search.scope.${state}`);
    if (state === "starting" || messages === 0) return t("search.scope.starting");
    return t.count(reading ? "search.scope.reading" : "search.scope", messages, { since });
  };
  return (
    <p className="search-scope" role="status">
      <LockKeyhole aria-hidden />
      {text()}
    </p>
  );
}
