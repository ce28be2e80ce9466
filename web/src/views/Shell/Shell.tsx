import "./Shell.css";
import { MessagesSquare } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../app/hooks.ts";
import { type Route, router } from "../../app/router.ts";
import { EmptyState } from "../../ui/controls.tsx";
import { ChatsModel } from "../../viewmodels/chats.ts";
import { Chats } from "../Chats/Chats.tsx";
import { ConversationPane } from "../Conversation/ConversationPane.tsx";
import { Groups } from "../Groups/Groups.tsx";
import { People } from "../People/People.tsx";
import { Settings } from "../Settings/Settings.tsx";
import { Switcher } from "../Switcher/Switcher.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { Rail } from "./Rail.tsx";

/** The client: rail, list, conversation. On a phone one of them at a time. */
export default function Shell() {
  const t = useT();
  const account = useAccount();
  const route = useReadable(router.route);
  const chats = useMemo(() => new ChatsModel(account), [account]);
  const [switching, setSwitching] = useState(false);
  useSwitcherKey(() => setSwitching(true));
  useTitle(chats);
  useEffect(() => {
    if (route.name === "sign-in" || route.name === "register") router.go({ name: "chats" }, { replace: true });
  }, [route]);
  const inMain = route.name === "room" || route.name === "settings" || route.name === "not-found";
  return (
    <div className="shell" data-pane={inMain ? "main" : "list"}>
      <Rail chats={chats} />
      <section className="pane" aria-label={t(`nav.${listOf(route)}`)}>
        <ConnectionBanner />
        <ListPane route={route} chats={chats} />
      </section>
      <main className="main">
        <MainPane route={route} />
      </main>
      {switching && <Switcher onClose={() => setSwitching(false)} />}
    </div>
  );
}

/** Which list stands beside what a route shows. */
function listOf({ name }: Route): "chats" | "people" | "groups" {
  return name === "people" || name === "groups" ? name : "chats";
}

function ListPane({ route, chats }: { route: Route; chats: ChatsModel }) {
  if (route.name === "people") return <People />;
  if (route.name === "groups") return <Groups />;
  return <Chats model={chats} selected={route.name === "room" ? route.roomId : undefined} />;
}

function MainPane({ route }: { route: Route }) {
  const t = useT();
  const phone = usePhone();
  if (route.name === "room")
    return <ConversationPane key={route.roomId} roomId={route.roomId} eventId={route.eventId} />;
  if (route.name === "settings") return <Settings />;
  if (route.name === "not-found") return <EmptyState icon={<MessagesSquare />} title={t("page.notFound")} />;
  if (phone) return null;
  const key = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘K" : "Ctrl K";
  const [before, after] = t("chats.welcome.text", { key: "\u0000" }).split("\u0000");
  return (
    <EmptyState
      icon={<MessagesSquare />}
      title={t("chats.welcome.title")}
      text={
        <>
          {before}
          <kbd>{key}</kbd>
          {after}
        </>
      }
    />
  );
}

function useSwitcherKey(open: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey)
        return;
      event.preventDefault();
      if (document.querySelector("dialog[open]") === null) open();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}

/** The number of conversations with something new stands in the title of the tab. */
function useTitle(chats: ChatsModel): void {
  const t = useT();
  const { unread } = useReadable(chats.snapshot);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t("app.name")}` : t("app.name");
  }, [unread, t]);
}
