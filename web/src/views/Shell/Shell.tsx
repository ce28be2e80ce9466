import "./Shell.css";
import { MessagesSquare } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useAccount, usePhone, useReadable, useSelected, useT } from "../../base/hooks.ts";
import { type Background, preferences } from "../../base/preferences.ts";
import { type Route, router } from "../../base/router.ts";
import { EmptyState } from "../../ui/controls.tsx";
import { showBadge } from "../../viewmodels/badge.ts";
import { ChatsModel } from "../../viewmodels/chats.ts";
import { startNotifications } from "../../viewmodels/notifications.ts";
import { shared } from "../../viewmodels/shared.ts";
import { syncWebPush } from "../../viewmodels/webpush.ts";
import { CallBars, CallHost } from "../Call/slots.tsx";
import { Chats } from "../Chats/Chats.tsx";
import { ConversationPane } from "../Conversation/ConversationPane.tsx";
import { NewSignIns } from "../Encryption/NewSignIns.tsx";
import { Reminder } from "../Encryption/Reminder.tsx";
import { EncryptionDialogs } from "../Encryption/sections.tsx";
import { Groups } from "../Groups/Groups.tsx";
import { People } from "../People/People.tsx";
import { PersonCardHost } from "../People/PersonCard.tsx";
import { PersonPage } from "../People/PersonPage.tsx";
import { Settings } from "../Settings/Settings.tsx";
import { SettingsList } from "../Settings/SettingsList.tsx";
import { SpacePage } from "../Spaces/SpacePage.tsx";
import { Share } from "../Share/Share.tsx";
import { Switcher } from "../Switcher/Switcher.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { ListResizer } from "./ListResizer.tsx";
import { OpenLink } from "./OpenLink.tsx";
import { Rail } from "./Rail.tsx";
import { UnsentWarning } from "./UnsentWarning.tsx";
import { UpdateBanner } from "./UpdateBanner.tsx";

/** Milliseconds for which a number has to stand before the icons show it. */
const BADGE_AFTER = 500;

/** The client: rail, list, conversation. On a phone one of them at a time. */
export default function Shell() {
  const t = useT();
  const account = useAccount();
  const route = useReadable(router.route);
  const chats = useMemo(() => new ChatsModel(account), [account]);
  const phone = usePhone();
  const [switching, setSwitching] = useState(false);
  useSwitcherKey(() => setSwitching(true));
  useTitle(chats);
  useEffect(() => startNotifications(account), [account]);
  useEffect(() => syncWebPush(account), [account]);
  const opened = useReadable(shared);
  useEffect(() => {
    if (opened !== undefined) router.go({ name: "share" });
  }, [opened]);
  const background = useBackground(route);
  useEffect(() => {
    if (route.name === "sign-in" || route.name === "register") router.go({ name: "chats" }, { replace: true });
  }, [route]);
  // A space that is looked at is the part of the list that is shown beside it.
  useEffect(() => {
    if (route.name === "space") chats.setFolder({ kind: "space", id: route.spaceId });
  }, [route, chats]);
  const inMain =
    ["room", "space", "person", "share", "open", "not-found"].includes(route.name) ||
    (route.name === "settings" && route.section !== undefined);
  return (
    <div className="shell" data-pane={inMain ? "main" : "list"}>
      <Rail chats={chats} />
      <section className="pane" role={phone && !inMain ? "main" : undefined} aria-label={t(`nav.${listOf(route)}`)}>
        <CallBars place="list" />
        <ConnectionBanner />
        {listOf(route) === "chats" && <NewSignIns />}
        {listOf(route) === "chats" && <Reminder />}
        <UpdateBanner />
        <ListPane route={route} chats={chats} />
        {!phone && <ListResizer />}
      </section>
      <main className="main" data-background={background}>
        <CallBars place="main" />
        <MainPane route={route} />
      </main>
      <CallHost />
      <EncryptionDialogs />
      <PersonCardHost />
      {switching && <Switcher onClose={() => setSwitching(false)} />}
      <UnsentWarning />
    </div>
  );
}

/** Which list stands beside what a route shows. */
function listOf({ name }: Route): "chats" | "people" | "groups" | "settings" {
  if (name === "person") return "people";
  return name === "people" || name === "groups" || name === "settings" ? name : "chats";
}

function ListPane({ route, chats }: { route: Route; chats: ChatsModel }) {
  if (route.name === "people" || route.name === "person") return <People />;
  if (route.name === "groups") return <Groups />;
  if (route.name === "settings") return <SettingsList section={route.section} />;
  return <Chats model={chats} selected={route.name === "room" ? route.roomId : undefined} />;
}

function MainPane({ route }: { route: Route }) {
  const t = useT();
  const phone = usePhone();
  const some = useSelected(useAccount().conversations.list, ({ length }) => length > 0);
  if (route.name === "room")
    return <ConversationPane key={route.roomId} roomId={route.roomId} eventId={route.eventId} />;
  if (route.name === "space") return <SpacePage key={route.spaceId} spaceId={route.spaceId} />;
  if (route.name === "share") return <Share />;
  if (route.name === "open") return <OpenLink key={route.uri} uri={route.uri} />;
  if (route.name === "person") return <PersonPage key={route.userId} userId={route.userId} />;
  if (route.name === "settings")
    return phone && route.section === undefined ? null : <Settings section={route.section} />;
  if (route.name === "not-found") return <EmptyState icon={<MessagesSquare />} title={t("page.notFound")} />;
  // Where there is none to pick, the list says how to begin.
  if (phone || !some) return null;
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
      if (document.querySelector(".dialog") === null) open();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
}

/** The number of conversations with something new stands in the title of the tab. */
function useTitle(chats: ChatsModel): void {
  const t = useT();
  const unread = useSelected(chats.snapshot, (snapshot) => snapshot.unread);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t("app.name")}` : t("app.name");
    // What comes in the conversation that is open is read at once.
    const timer = setTimeout(() => void showBadge(unread), BADGE_AFTER);
    return () => clearTimeout(timer);
  }, [unread, t]);
  // Whoever signs out takes the number along.
  useEffect(() => () => void showBadge(0), []);
}

/** The background that was chosen for the conversation in view, or for all of them. */
function useBackground(route: Route): Background | undefined {
  const { background, backgrounds } = useReadable(preferences);
  if (route.name !== "room") return undefined;
  return backgrounds[route.roomId] ?? background;
}
