import "./Person.css";
import { Ban, Copy, Flag, MessageCircle, Settings, Star, UserMinus, UserPlus } from "lucide-react";
import { type ReactNode, useEffect, useId, useMemo, useState } from "react";
import { useAccount, useNow, useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { router } from "../../base/router.ts";
import type { Translate } from "../../i18n/translate.ts";
import { agoText } from "../../lib/ago.ts";
import { problemText } from "../../lib/problem.ts";
import type { Conversation, PersonDetails, Presence } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { PersonModel, type PersonSnapshot } from "../../viewmodels/personprofile.ts";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { VerifiedMark } from "../Encryption/VerifiedMark.tsx";
import { VerifyButton } from "../Encryption/VerifyButton.tsx";
import { LockedNotes } from "./LockedNotes.tsx";
import { PersonNote } from "./PersonNote.tsx";
import { ReportPerson } from "./ReportPerson.tsx";

/** What goes with an invitation is as long as a line or two. */
const MAX_NOTE = 200;

interface PersonProfileProps {
  userId: string;
  roomId?: string;
  /** Called before something else is shown: a card closes. */
  onLeave?: () => void;
}

/** Who somebody is, and what one can do about them. */
export function PersonProfile({ userId, roomId, onLeave }: PersonProfileProps) {
  const account = useAccount();
  const model = useMemo(() => new PersonModel(account, userId), [account, userId]);
  const snapshot = useReadable(model.snapshot);
  useEffect(() => void model.load(), [model]);
  const { person } = snapshot;
  return (
    <div className="person-page">
      <Head person={person} roomId={roomId} />
      {person.me === true ? <Own onLeave={onLeave} /> : <Other model={model} snapshot={snapshot} onLeave={onLeave} />}
    </div>
  );
}

function Head({ person, roomId }: { person: PersonDetails; roomId: string | undefined }) {
  const t = useT();
  return (
    <header className="person__head">
      <span className="person__picture">
        <Avatar id={person.id} name={person.name} picture={person.avatar} size="xl" />
        {person.presence !== undefined && <span className="person__dot" data-state={person.presence.state} />}
      </span>
      <h2 className="person__name" dir="auto">
        {person.name}
        {person.me !== true && <VerifiedMark userId={person.id} />}
        {person.star && <Star className="person__star" role="img" aria-label={t("person.starred")} />}
      </h2>
      {person.ownName !== person.name && <p className="person__own">{t("person.ownName", { name: person.ownName })}</p>}
      <PresenceLine presence={person.presence} />
      {person.presence?.status !== undefined && (
        <p className="person__status" dir="auto">
          {person.presence.status}
        </p>
      )}
      <p className="person__id">
        <span>{person.id}</span>
        <IconButton label={t("person.copyId")} onClick={() => copy(person.id)}>
          <Copy />
        </IconButton>
      </p>
      {roomId !== undefined && <Role userId={person.id} roomId={roomId} />}
      {person.missing === true && <p className="notice notice--problem">{t("person.missing")}</p>}
      {person.blocked && <p className="notice">{t("person.blocked")}</p>}
    </header>
  );
}

function copy(text: string): void {
  void attempt(async () => {
    await navigator.clipboard.writeText(text);
    showToast({ tone: "done", message: { key: "person.copied" } });
  });
}

function PresenceLine({ presence }: { presence: Presence | undefined }) {
  const t = useT();
  const now = useNow();
  if (presence === undefined) return null;
  return <p className="person__presence">{presenceText(presence, now, t)}</p>;
}

function presenceText({ state, lastActive }: Presence, now: number, t: Translate): string {
  if (state === "active" || state === "online") return t("presence.online");
  const ago = lastActive === undefined ? undefined : agoText(lastActive, now, t.locale);
  if (ago !== undefined) return t("presence.seen", { ago });
  return t(state === "unavailable" ? "presence.away" : "presence.offline");
}

/** What they are in the group from which the card was opened. */
function Role({ userId, roomId }: { userId: string; roomId: string }) {
  const account = useAccount();
  const room = account.room(roomId);
  return room === undefined ? null : <RoleIn userId={userId} room={room} />;
}

function RoleIn({
  userId,
  room,
}: {
  userId: string;
  room: NonNullable<ReturnType<ReturnType<typeof useAccount>["room"]>>;
}) {
  const t = useT();
  const details = useReadable(room.details);
  const role = useReadable(room.members).find(({ id }) => id === userId)?.role;
  if (role === undefined || role === "member" || details.direct) return null;
  return <p className="person__role">{t("person.role", { role: t(`role.${role}`), group: details.name })}</p>;
}

function Own({ onLeave }: { onLeave: (() => void) | undefined }) {
  const t = useT();
  return (
    <div className="person__actions">
      <Link className="button button--primary" to={{ name: "settings", section: "profile" }} onClick={onLeave}>
        <Settings aria-hidden />
        {t("person.editOwn")}
      </Link>
    </div>
  );
}

interface OtherProps {
  model: PersonModel;
  snapshot: PersonSnapshot;
  onLeave: (() => void) | undefined;
}

function Other({ model, snapshot, onLeave }: OtherProps) {
  const { person, groups, groupsProblem } = snapshot;
  const t = useT();
  return (
    <>
      <MainActions model={model} person={person} onLeave={onLeave} />
      {person.missing !== true && person.directRoom !== undefined && <VerifyButton userId={person.id} />}
      <LockedNotes />
      <PersonNote key={`${person.remark}\n${person.tags.join(",")}`} model={model} person={person} />
      <section className="person__section">
        <h3>{t("person.groups")}</h3>
        {groupsProblem !== undefined && <p className="person__quiet">{problemText(groupsProblem, t)}</p>}
        {groups?.length === 0 && <p className="person__quiet">{t("person.groups.none")}</p>}
        {groups === undefined && groupsProblem === undefined && <span className="skeleton person__skeleton" />}
        {groups !== undefined && groups.length > 0 && <Groups groups={groups} onLeave={onLeave} />}
      </section>
      <Danger model={model} person={person} />
    </>
  );
}

function MainActions({ model, person, onLeave }: { model: PersonModel; person: PersonDetails; onLeave?: () => void }) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const [note, setNote] = useState("");
  const hint = useId();
  /** Somebody with whom one has not talked yet gets an invitation, which can carry a few words. */
  const stranger = person.directRoom === undefined && person.request === undefined && person.missing !== true;
  const message = async () => {
    setBusy(true);
    await attempt(async () => {
      const roomId = await model.message(stranger ? note : "");
      onLeave?.();
      router.go({ name: "room", roomId });
    });
    setBusy(false);
  };
  const label = person.request === undefined ? "action.message" : "person.accept";
  return (
    <form
      className="person__actions"
      onSubmit={(event) => {
        event.preventDefault();
        void message();
      }}
    >
      {stranger && !person.blocked && (
        <span className="person__greeting">
          <input
            className="field__input"
            name="note"
            aria-label={t("person.note")}
            aria-describedby={hint}
            placeholder={t("person.note.placeholder")}
            autoComplete="off"
            maxLength={MAX_NOTE}
            value={note}
            onChange={(event) => setNote(event.target.value)}
          />
          <span id={hint} className="field__hint">
            {t("person.note.hint")}
          </span>
        </span>
      )}
      <Button kind="primary" type="submit" busy={busy} disabled={person.missing || person.blocked}>
        <MessageCircle aria-hidden />
        {t(label)}
      </Button>
      {person.contact ? (
        <IconButton
          label={t(person.star ? "person.unstar" : "person.star")}
          aria-pressed={person.star}
          onClick={() => void attempt(() => model.setStar(!person.star))}
        >
          <Star />
        </IconButton>
      ) : (
        // Words go with an invitation only: nobody is told that they were added.
        <Button
          disabled={person.missing || (stranger && note.trim() !== "")}
          onClick={() => void attempt(() => model.add())}
        >
          <UserPlus aria-hidden />
          {t("person.add")}
        </Button>
      )}
    </form>
  );
}

function Groups({ groups, onLeave }: { groups: readonly Conversation[]; onLeave?: () => void }) {
  return (
    <ul className="person__groups">
      {groups.map((group) => (
        <li key={group.id}>
          <Link to={{ name: "room", roomId: group.id }} className="person__group" onClick={onLeave}>
            <Avatar id={group.colourId} name={group.name} picture={group.avatar} size="s" square />
            <bdi className="ellipsis">{group.name}</bdi>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function Danger({ model, person }: { model: PersonModel; person: PersonDetails }) {
  const t = useT();
  const [layer, setLayer] = useState<"block" | "report" | "remove">();
  const close = () => setLayer(undefined);
  const action = (label: string, icon: ReactNode, onClick: () => void) => (
    <Button kind="danger-quiet" onClick={onClick}>
      {icon}
      {label}
    </Button>
  );
  return (
    <div className="person__danger">
      {person.blocked ? (
        <Button onClick={() => void attempt(() => model.unblock())}>
          <Ban aria-hidden />
          {t("person.unblock")}
        </Button>
      ) : (
        action(t("person.block"), <Ban aria-hidden />, () => setLayer("block"))
      )}
      {action(t("person.report"), <Flag aria-hidden />, () => setLayer("report"))}
      {person.added && action(t("person.remove"), <UserMinus aria-hidden />, () => setLayer("remove"))}
      {layer === "block" && (
        <Confirm
          title={t("person.block.title", { name: person.name })}
          text={t("person.block.text")}
          action={t("person.block")}
          onConfirm={() => void attempt(() => model.block())}
          onClose={close}
        />
      )}
      {layer === "remove" && (
        <Confirm
          title={t("person.remove.title", { name: person.name })}
          text={t("person.remove.text")}
          action={t("action.remove")}
          onConfirm={() => void attempt(() => model.remove())}
          onClose={close}
        />
      )}
      {layer === "report" && <ReportPerson model={model} name={person.name} onClose={close} />}
    </div>
  );
}
