import "./AccountMenu.css";
import { Check, LogOut, Plus } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Popover } from "../../ui/Popover.tsx";
import { app } from "../../viewmodels/app.ts";
import { othersWithNews, watchOthers } from "../../viewmodels/others.ts";
import { SignOut } from "../Settings/SignOut.tsx";

/** One's own picture at the foot of the rail: it leads to the profile, to the other accounts, and out. */
export function AccountMenu() {
  const t = useT();
  const account = useAccount();
  const profile = useReadable(account.profile);
  const news = useReadable(othersWithNews);
  const anchor = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const [close] = useState(() => () => setOpen(false));
  useEffect(watchOthers, []);
  return (
    <>
      <button
        ref={anchor}
        type="button"
        className="rail__account"
        title={profile.name}
        aria-haspopup="dialog"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <span className="visually-hidden">
          {t(news.size > 0 ? "accounts.menu.news" : "accounts.menu", { name: profile.name })}
        </span>
        <Avatar id={profile.id} name={profile.name} picture={profile.avatar} />
        {news.size > 0 && <span className="rail__dot" />}
      </button>
      {open && anchor.current !== null && (
        <Popover anchor={anchor.current} label={t("accounts.title")} onClose={close}>
          <div className="accounts">
            <AccountList onChosen={close} />
            <button
              type="button"
              className="accounts__action"
              onClick={() => {
                close();
                setLeaving(true);
              }}
            >
              <LogOut aria-hidden />
              {t("settings.signOut")}
            </button>
          </div>
        </Popover>
      )}
      {leaving && <SignOut onClose={() => setLeaving(false)} />}
    </>
  );
}

/** The accounts that are signed in on this device; one press uses another of them. */
export function AccountList({ onChosen }: { onChosen: () => void }) {
  const t = useT();
  const account = useAccount();
  const profile = useReadable(account.profile);
  const others = useReadable(app.others);
  const news = useReadable(othersWithNews);
  return (
    <ul className="accounts__list">
      <li>
        <button
          type="button"
          className="accounts__account"
          aria-current="true"
          onClick={() => {
            onChosen();
            router.go({ name: "settings", section: "profile" });
          }}
        >
          <Avatar id={profile.id} name={profile.name} picture={profile.avatar} />
          <AccountName name={profile.name} id={profile.id} />
          <Check aria-hidden />
        </button>
      </li>
      {others.map(({ userId, name }) => (
        <li key={userId}>
          <button
            type="button"
            className="accounts__account"
            onClick={() => {
              onChosen();
              void app.switchTo(userId);
            }}
          >
            <Avatar id={userId} name={name} />
            <AccountName name={name} id={userId} />
            {news.has(userId) && <span className="accounts__dot" role="img" aria-label={t("accounts.news")} />}
          </button>
        </li>
      ))}
      <li>
        <button type="button" className="accounts__action" onClick={() => app.addAccount()}>
          <Plus aria-hidden />
          {t("accounts.add")}
        </button>
      </li>
    </ul>
  );
}

function AccountName({ name, id }: { name: string; id: string }) {
  return (
    <span className="accounts__name">
      <bdi className="ellipsis">{name}</bdi>
      <span className="accounts__id ellipsis">{id}</span>
    </span>
  );
}
