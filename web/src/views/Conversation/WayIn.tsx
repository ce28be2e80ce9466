import { Hourglass, LogIn, MailQuestionMark, MessageCircleQuestion, Send } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { useAccount, useNow, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { MessageSummary, RoomOutline } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, EmptyState, Field } from "../../ui/controls.tsx";
import { MessageCard } from "../../ui/MessageCard.tsx";
import { openPerson } from "../../viewmodels/person.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { BackButton } from "./Header.tsx";
import { TimelineSkeleton } from "./TimelineSkeleton.tsx";

/** A conversation that one is not in: whatever way into it there is. */
export function WayIn({ target }: { target: string }) {
  const account = useAccount();
  const [outline, setOutline] = useState<RoomOutline | "unknown">();
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    let current = true;
    const look = async () => {
      // It may be one that was left: then it is shown as it was until then.
      if (target.startsWith("!")) await account.conversations.loadLeft([target]);
      const found = await account.directory.outline(target);
      if (current) setOutline(found ?? "unknown");
    };
    void look();
    return () => {
      current = false;
    };
  }, [account, target]);
  if (outline === undefined) return <TimelineSkeleton />;
  if (outline === "unknown") return <Card target={target} />;
  if (asked || outline.knocked) return <Knocked roomId={outline.id} name={outline.name} />;
  if (outline.way === "knock") return <AskToJoin target={target} outline={outline} onAsked={() => setAsked(true)} />;
  return <Card target={target} outline={outline} />;
}

function Card({ target, outline }: { target: string; outline?: RoomOutline }) {
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
  if (outline?.way === "invite") {
    return (
      <div className="conversation-card">
        <BackButton />
        <EmptyState
          icon={<MailQuestionMark />}
          title={t("join.invite.title", { name: outline.name })}
          text={t("join.invite.text")}
        />
      </div>
    );
  }
  return (
    <div className="conversation-card">
      <BackButton />
      {outline === undefined ? (
        <EmptyState icon={<MessageCircleQuestion />} title={t("join.title")} text={t("join.text")}>
          {target.startsWith("#") && <p className="conversation-card__id">{target}</p>}
          <JoinButton busy={busy} onClick={() => void join()} />
        </EmptyState>
      ) : (
        <div className="empty">
          <Outline outline={outline} title={outline.name} />
          <JoinButton busy={busy} onClick={() => void join()} />
          {outline.readable && !outline.space && <LastSaid roomId={outline.id} />}
        </div>
      )}
    </div>
  );
}

/** What was said last, where everybody may read it. */
function LastSaid({ roomId }: { roomId: string }) {
  const t = useT();
  const account = useAccount();
  const now = useNow();
  const [messages, setMessages] = useState<readonly MessageSummary[]>([]);
  useEffect(() => {
    let current = true;
    account.directory.peek(roomId).then(
      (found) => current && setMessages(found),
      // Then one joins without having seen it.
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [account, roomId]);
  if (messages.length === 0) return null;
  return (
    <section className="conversation-card__said" aria-label={t("join.said")}>
      <h2>{t("join.said")}</h2>
      <ul>
        {messages.map((message) => (
          <li key={message.id}>
            <MessageCard message={message} now={now} onOpen={() => openPerson(message.sender.id)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function JoinButton({ busy, onClick }: { busy: boolean; onClick: () => void }) {
  const t = useT();
  return (
    <Button kind="primary" busy={busy} onClick={onClick}>
      <LogIn aria-hidden />
      {t("action.join")}
    </Button>
  );
}

function Outline({ outline, title }: { outline: RoomOutline; title: string }) {
  const t = useT();
  return (
    <>
      <Avatar id={outline.id} name={outline.name} picture={outline.avatar} size="xl" square />
      <h1 className="empty__title" dir="auto">
        {title}
      </h1>
      <p>
        {outline.space && `${t("space.kind")} · `}
        {t.count("details.members", outline.memberCount)}
      </p>
      {outline.topic !== undefined && (
        <p className="conversation-card__topic" dir="auto">
          {outline.topic}
        </p>
      )}
    </>
  );
}

interface AskToJoinProps {
  target: string;
  outline: RoomOutline;
  onAsked: () => void;
}

function AskToJoin({ target, outline, onAsked }: AskToJoinProps) {
  const t = useT();
  const account = useAccount();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const ask = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(() => account.directory.knock(target, reason));
    setBusy(false);
    if (done) onAsked();
  };
  return (
    <div className="conversation-card">
      <BackButton />
      <form className="empty" onSubmit={ask}>
        <Outline outline={outline} title={t("knock.title", { name: outline.name })} />
        <p>{t("knock.text")}</p>
        <div className="conversation-card__form">
          <Field label={t("knock.reason")}>
            {(ids) => (
              <textarea
                {...ids}
                className="field__input"
                dir="auto"
                rows={2}
                maxLength={300}
                value={reason}
                onChange={(event) => setReason(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Button kind="primary" type="submit" busy={busy}>
          <Send aria-hidden />
          {t("knock.send")}
        </Button>
      </form>
    </div>
  );
}

/** One has asked to join, and waits. */
export function Knocked({ roomId, name }: { roomId: string; name: string }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState(false);
  const withdraw = async () => {
    setBusy(true);
    const done = await attempt(() => account.directory.decline(roomId));
    setBusy(false);
    if (done) router.go({ name: "chats" }, { replace: true });
  };
  return (
    <div className="conversation-card">
      <BackButton />
      <EmptyState icon={<Hourglass />} title={t("knock.sent.title")} text={t("knock.sent.text", { name })}>
        <Button busy={busy} onClick={() => void withdraw()}>
          {t("knock.cancel")}
        </Button>
      </EmptyState>
    </div>
  );
}
