import "./Conversation.css";
import "./Composing.css";
import { LogIn, MessageCircleQuestion } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useAccount, useReadable, useT } from "../../app/hooks.ts";
import { router } from "../../app/router.ts";
import type { Conversation } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, EmptyState } from "../../ui/controls.tsx";
import { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { ConversationView } from "./ConversationView.tsx";
import { BackButton } from "./Header.tsx";
import { TimelineSkeleton } from "./TimelineSkeleton.tsx";

interface ConversationPaneProps {
  /** A room id, or an alias from a link. */
  roomId: string;
  eventId?: string;
}

/** Chooses what an address of a conversation shows: the conversation, an invitation, or a way in. */
export function ConversationPane({ roomId, eventId }: ConversationPaneProps) {
  const account = useAccount();
  const conversation = useReadable(account.conversations.list).find(({ id }) => id === roomId);
  const status = useReadable(account.status);
  const membership = conversation?.membership;
  const model = useMemo(() => {
    const handle = membership === "join" ? account.room(roomId) : undefined;
    return handle && new ConversationModel(roomId, handle, account.status);
  }, [account, roomId, membership]);
  useEffect(() => {
    if (model !== undefined && eventId !== undefined) void model.jumpTo(eventId);
  }, [model, eventId]);
  if (roomId.startsWith("#")) return <Alias alias={roomId} />;
  if (model !== undefined && conversation !== undefined)
    return <ConversationView model={model} conversation={conversation} />;
  if (conversation?.membership === "invite") return <Invitation conversation={conversation} />;
  if (status === "starting") return <TimelineSkeleton />;
  return <NotJoined target={roomId} />;
}

/** Follows an alias to its room, if one is in it; else offers to join. */
function Alias({ alias }: { alias: string }) {
  const account = useAccount();
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    account.directory.resolve(alias).then(
      (roomId) => {
        if (account.room(roomId) === undefined) setMissing(true);
        else router.go({ name: "room", roomId }, { replace: true });
      },
      () => setMissing(true),
    );
  }, [account, alias]);
  return missing ? <NotJoined target={alias} /> : <TimelineSkeleton />;
}

function Invitation({ conversation }: { conversation: Conversation }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState<"accept" | "decline">();
  const { id, name, avatar, colourId, direct, inviter, peer } = conversation;
  const title =
    inviter === undefined
      ? t("invite.unknown", { group: name })
      : direct
        ? t("invite.direct", { name: inviter.name })
        : t("invite.group", { name: inviter.name, group: name });
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

function NotJoined({ target }: { target: string }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState(false);
  const join = async () => {
    setBusy(true);
    await attempt(async () =>
      router.go({ name: "room", roomId: await account.directory.join(target) }, { replace: true }),
    );
    setBusy(false);
  };
  return (
    <div className="conversation-card">
      <BackButton />
      <EmptyState icon={<MessageCircleQuestion />} title={t("join.title")} text={t("join.text")}>
        {target.startsWith("#") && <p className="conversation-card__id">{target}</p>}
        <Button kind="primary" busy={busy} onClick={() => void join()}>
          <LogIn aria-hidden />
          {t("action.join")}
        </Button>
      </EmptyState>
    </div>
  );
}
