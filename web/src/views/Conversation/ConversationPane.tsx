import "./Conversation.css";
import "./Composing.css";
import { CloudOff } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useAccount, useFound, useReadable, useSelected, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, EmptyState } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { modelOf } from "../../viewmodels/rooms.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { ConversationView } from "./ConversationView.tsx";
import { BackButton } from "./Header.tsx";
import { Knocked, WayIn } from "./WayIn.tsx";
import { TimelineSkeleton } from "./TimelineSkeleton.tsx";

interface ConversationPaneProps {
  /** A room id, or an alias from a link. */
  roomId: string;
  eventId?: string;
}

/** Chooses what an address of a conversation shows: the conversation, an invitation, or a way in. */
export function ConversationPane({ roomId, eventId }: ConversationPaneProps) {
  const account = useAccount();
  const listed = useFound(account.conversations.list, (list) => list.find(({ id }) => id === roomId));
  const status = useReadable(account.status);
  const conversation = listed ?? account.conversations.describe(roomId);
  const membership = conversation?.membership;
  const readable = membership === "join" || membership === "leave" || membership === "ban";
  const partial = conversation?.partial === true;
  useEffect(() => {
    if (partial) void account.openRoom(roomId);
  }, [account, roomId, partial]);
  const model = useMemo(() => {
    const handle = readable && !partial ? account.room(roomId) : undefined;
    const found = handle && modelOf(account, roomId, handle);
    found?.enter();
    return found;
  }, [account, roomId, readable, partial]);
  const openedMarked = useRef<string>(undefined);
  const opened = useRef<ConversationModel>(undefined);
  useEffect(() => {
    // Whoever comes by a link was nowhere before.
    const from = opened.current === model ? undefined : null;
    opened.current = model;
    if (model !== undefined && eventId !== undefined) void model.jumpTo(eventId, from);
  }, [model, eventId]);
  const marked = listed?.markedUnread;
  useEffect(() => {
    // Only opening it takes the mark away: marking the open conversation keeps it for the next time.
    if (openedMarked.current !== roomId && marked === true)
      void attempt(async () => (await account.openRoom(roomId))?.markUnread(false));
    if (listed !== undefined) openedMarked.current = roomId;
  }, [account, roomId, marked, listed]);
  const space = useSelected(account.spaces.list, (list) =>
    list.some(({ id, membership }) => id === roomId && membership === "join"),
  );
  if (roomId.startsWith("#")) return <Alias alias={roomId} />;
  if (space) return <ToSpace spaceId={roomId} />;
  if (model !== undefined && conversation !== undefined)
    return <ConversationView model={model} conversation={conversation} />;
  if (conversation?.membership === "invite") return <Invitation conversation={conversation} />;
  if (conversation?.membership === "knock") return <Knocked roomId={roomId} name={conversation.name} />;
  if (partial && status === "reconnecting") return <Away />;
  if (status === "starting" || partial) return <TimelineSkeleton />;
  return <WayIn target={roomId} />;
}

/** A conversation of which only the row in the list is here, while there is no connection. */
function Away() {
  const t = useT();
  return (
    <div className="conversation-card">
      <BackButton />
      <EmptyState icon={<CloudOff />} title={t("conversation.away.title")} text={t("conversation.away.text")} />
    </div>
  );
}

/** Leads from the address of a room to that of the space that it is. */
function ToSpace({ spaceId }: { spaceId: string }) {
  useEffect(() => router.go({ name: "space", spaceId }, { replace: true }), [spaceId]);
  return <TimelineSkeleton />;
}

/** Follows an alias to its room, if one is in it; else offers to join. */
function Alias({ alias }: { alias: string }) {
  const account = useAccount();
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    account.directory.resolve(alias).then(
      (roomId) => {
        if (account.conversations.describe(roomId) === undefined) setMissing(true);
        else router.go({ name: "room", roomId }, { replace: true });
      },
      () => setMissing(true),
    );
  }, [account, alias]);
  return missing ? <WayIn target={alias} /> : <TimelineSkeleton />;
}

function Invitation({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState<"accept" | "decline">();
  const { id, name, avatar, colourId, direct, inviter, peer, note } = conversation;
  const title =
    inviter === undefined
      ? t("invite.unknown", { group: name })
      : direct
        ? t("invite.direct", { name: inviter.name })
        : t(conversation.space === true ? "invite.space" : "invite.group", { name: inviter.name, group: name });
  const answer = async (kind: "accept" | "decline") => {
    setBusy(kind);
    await attempt(async () => {
      if (kind === "accept") await account.directory.join(id, direct ? peer : undefined);
      else {
        await account.directory.decline(id);
        router.go({ name: "chats" }, { replace: true });
      }
    });
    setBusy(undefined);
  };
  return (
    <div className="conversation-card">
      <BackButton />
      <div className="empty">
        <Avatar id={colourId} name={name} picture={avatar} size="xl" square={!direct} />
        <h1 className="empty__title">{title}</h1>
        {inviter !== undefined && <p className="conversation-card__id">{inviter.id}</p>}
        {note !== undefined && (
          <blockquote className="conversation-card__note" dir="auto">
            {note}
          </blockquote>
        )}
        <p>{t("invite.hint")}</p>
        <div className="conversation-card__actions">
          <Button busy={busy === "decline"} onClick={() => void answer("decline")}>
            {t("action.decline")}
          </Button>
          <Button kind="primary" busy={busy === "accept"} onClick={() => void answer("accept")}>
            {t("action.accept")}
          </Button>
        </div>
      </div>
    </div>
  );
}
