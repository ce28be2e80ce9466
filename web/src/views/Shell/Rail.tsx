import { Compass, MessageCircle, Settings, Users } from "lucide-react";
import type { ReactNode } from "react";
import { useAccount, useReadable, useT } from "../../app/hooks.ts";
import { Link } from "../../app/Link.tsx";
import { type Route, router } from "../../app/router.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Logo } from "../../ui/Logo.tsx";
import type { ChatsModel } from "../../viewmodels/chats.ts";

/** The places of the client; at the bottom of the window on a phone. */
export function Rail({ chats }: { chats: ChatsModel }) {
  const t = useT();
  const account = useAccount();
  const profile = useReadable(account.profile);
  const { name } = useReadable(router.route);
  const { unread } = useReadable(chats.snapshot);
  const inChats = name === "chats" || name === "room" || name === "not-found";
  return (
    <nav className="rail" aria-label={t("nav.label")}>
      <Logo className="rail__logo" />
      <RailLink
        to={{ name: "chats" }}
        current={inChats}
        label={t("nav.chats")}
        icon={<MessageCircle />}
        badge={unread}
      />
      <RailLink to={{ name: "people" }} current={name === "people"} label={t("nav.people")} icon={<Users />} />
      <RailLink to={{ name: "groups" }} current={name === "groups"} label={t("nav.groups")} icon={<Compass />} />
      <span className="rail__space" />
      <RailLink to={{ name: "settings" }} current={name === "settings"} label={t("nav.settings")} icon={<Settings />} />
      <Link to={{ name: "settings" }} className="rail__account" title={profile.name}>
        <span className="visually-hidden">{profile.name}</span>
        <Avatar id={profile.id} name={profile.name} picture={profile.avatar} />
      </Link>
    </nav>
  );
}

interface RailLinkProps {
  to: Route;
  current: boolean;
  label: string;
  icon: ReactNode;
  badge?: number;
}

function RailLink({ to, current, label, icon, badge = 0 }: RailLinkProps) {
  const t = useT();
  return (
    <Link to={to} className="rail__link" aria-current={current ? "page" : undefined}>
      <span className="rail__icon">
        {icon}
        {badge > 0 && (
          <span className="badge rail__badge" role="img" aria-label={t.count("chats.unread", badge)}>
            {badge > 99 ? "99+" : badge}
          </span>
        )}
      </span>
      <span className="rail__label">{label}</span>
    </Link>
  );
}
