import "./Settings.css";
import { ChevronRight, LogOut } from "lucide-react";
import { useState } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { Avatar } from "../../ui/Avatar.tsx";
import { SignOut } from "./SignOut.tsx";
import { SECTIONS } from "./sections.tsx";

/** The list of sections; beside the chosen one where there is room. */
export function SettingsList({ section }: { section: string | undefined }) {
  const t = useT();
  const account = useAccount();
  const profile = useReadable(account.profile);
  const phone = usePhone();
  const [leaving, setLeaving] = useState(false);
  const current = section ?? (phone ? undefined : SECTIONS[0]?.id);
  return (
    <>
      <header className="pane__head">
        <h1 className="pane__title">{t("settings.title")}</h1>
      </header>
      <div className="pane__scroll">
        <Link to={{ name: "settings", section: "profile" }} className="settings-list__me">
          <Avatar id={profile.id} name={profile.name} picture={profile.avatar} size="l" />
          <span className="person-row__text">
            <bdi className="person-row__name ellipsis">{profile.name}</bdi>
            <span className="person-row__detail ellipsis">{profile.id}</span>
          </span>
        </Link>
        <nav aria-label={t("settings.sections")}>
          <ul className="settings-list">
            {SECTIONS.map(({ id, title, icon }) => (
              <li key={id}>
                <Link
                  to={{ name: "settings", section: id }}
                  replace={!phone}
                  className="settings-list__item"
                  aria-current={id === current ? "page" : undefined}
                >
                  {icon}
                  <span className="ellipsis">{t(title)}</span>
                  <ChevronRight className="settings-list__more" aria-hidden />
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <button type="button" className="settings-list__item settings-list__leave" onClick={() => setLeaving(true)}>
          <LogOut aria-hidden />
          {t("settings.signOut")}
        </button>
      </div>
      {leaving && <SignOut onClose={() => setLeaving(false)} />}
    </>
  );
}
