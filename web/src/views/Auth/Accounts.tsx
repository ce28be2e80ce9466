import { ChevronRight } from "lucide-react";
import { useT } from "../../base/hooks.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { app, type OtherAccount } from "../../viewmodels/app.ts";

/** The accounts that are signed in on this device: one press, and one of them is used again. */
export default function Accounts({ others }: { others: readonly OtherAccount[] }) {
  const t = useT();
  return (
    <div className="auth__accounts">
      <h2>{t("auth.accounts")}</h2>
      <ul>
        {others.map(({ userId, name }) => (
          <li key={userId}>
            <button type="button" className="auth__account" onClick={() => void app.switchTo(userId)}>
              <Avatar id={userId} name={name} />
              <span className="person-row__text">
                <bdi className="person-row__name ellipsis">{name}</bdi>
                <span className="person-row__detail ellipsis">{userId}</span>
              </span>
              <ChevronRight aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      <p>{t("auth.accounts.other")}</p>
    </div>
  );
}
