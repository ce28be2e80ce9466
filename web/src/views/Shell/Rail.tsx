import { Compass, MessageCircle, Settings, Users } from "lucide-react";
import type { ReactNode } from "react";
import { usePhone, useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { type Route, router } from "../../base/router.ts";
import { Logo } from "../../ui/Logo.tsx";
import { ALL, type ChatsModel } from "../../viewmodels/chats.ts";
import { SpaceRail } from "../Chats/Folders.tsx";
import { AccountMenu } from "./AccountMenu.tsx";

/** The places of the client; at the bottom of the window on a phone. */
export function Rail({ chats }: { chats: ChatsModel }) {
  const t = useT();
  const { name } = useReadable(router.route);
  const { unread } = useReadable(chats.snapshot);
  const phone = usePhone();
  const inChats = name === "chats" || name === "room" || name === "space" || name === "not-found";
  return (
    <nav className="rail" aria-label={t("nav.label")}>
      <Logo className="rail__logo" />
      <RailLink
        to={{ name: "chats" }}
        current={inChats}
        label={t("nav.chats")}
        icon={<MessageCircle />}
        badge={unread}
        // The whole list is one step away, whichever part of it is shown.
        onClick={() => chats.setFolder(ALL)}
      />
      <RailLink
        to={{ name: "people" }}
        current={name === "people" || name === "person"}
        label={t("nav.people")}
        icon={<Users />}
      />
      <RailLink to={{ name: "groups" }} current={name === "groups"} label={t("nav.groups")} icon={<Compass />} />
      {!phone && <SpaceRail model={chats} />}
      <span className="rail__space" />
      <RailLink to={{ name: "settings" }} current={name === "settings"} label={t("nav.settings")} icon={<Settings />} />
      <AccountMenu />
    </nav>
  );
}

interface RailLinkProps {
  to: Route;
  current: boolean;
  label: string;
  icon: ReactNode;
  badge?: number;
  onClick?: () => void;
}

function RailLink({ to, current, label, icon, badge = 0, onClick }: RailLinkProps) {
  const t = useT();
  return (
    <Link to={to} className="rail__link" onClick={onClick} aria-current={current ? "page" : undefined}>
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
