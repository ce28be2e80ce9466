import "./Details.css";
import { LogOut, Pencil, UserMinus, UserPlus, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../app/hooks.ts";
import { router } from "../../app/router.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Member, RoomDetails } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton, RemoteSwitch, SearchBox } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { VirtualList } from "../../ui/VirtualList.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { EditGroup } from "./EditGroup.tsx";
import { InvitePeople } from "./InvitePeople.tsx";

interface DetailsProps {
  room: RoomHandle;
  onClose: () => void;
}

type Layer = { kind: "edit" | "invite" | "leave" } | { kind: "remove"; member: Member };

/** The drawer on the right: who is here, and what can be changed. */
export function Details({ room, onClose }: DetailsProps) {
  const t = useT();
  const details = useReadable(room.details);
  const members = useReadable(room.members);
  const [layer, setLayer] = useState<Layer>();
  const close = () => setLayer(undefined);
  useEffect(() => void attempt(() => room.loadMembers()), [room]);
  const leave = () =>
    void attempt(async () => {
      await room.leave();
      router.go({ name: "chats" }, { replace: true });
    });
  return (
    <aside className="details" aria-label={t(details.direct ? "details.title.direct" : "details.title.group")}>
      <header className="details__head">
        <h2>{t(details.direct ? "details.title.direct" : "details.title.group")}</h2>
        <IconButton label={t("action.close")} onClick={onClose}>
          <X />
        </IconButton>
      </header>
      <Summary details={details} onEdit={() => setLayer({ kind: "edit" })} />
      <div className="details__switches">
        <RemoteSwitch
          label={t("details.mute")}
          hint={t("details.mute.hint")}
          checked={details.muted}
          onChange={(muted) => attempt(() => room.setMuted(muted))}
        />
        <RemoteSwitch
          label={t("details.pin")}
          checked={details.pinned}
          onChange={(pinned) => attempt(() => room.setPinned(pinned))}
        />
      </div>
      <Members
        members={members}
        details={details}
        onInvite={() => setLayer({ kind: "invite" })}
        onRemove={(member) => setLayer({ kind: "remove", member })}
      />
      <Button kind="danger-quiet" className="details__leave" onClick={() => setLayer({ kind: "leave" })}>
        <LogOut aria-hidden />
        {t("details.leave")}
      </Button>
      {layer?.kind === "edit" && <EditGroup room={room} details={details} onClose={close} />}
      {layer?.kind === "invite" && <InvitePeople room={room} members={members} onClose={close} />}
      {layer?.kind === "leave" && (
        <Confirm
          title={t("details.leave.title", { name: details.name })}
          text={t("details.leave.text")}
          action={t("details.leave")}
          onConfirm={leave}
          onClose={close}
        />
      )}
      {layer?.kind === "remove" && (
        <Confirm
          title={t("details.remove.title", { name: layer.member.name })}
          text={t("details.remove.text")}
          action={t("action.remove")}
          onConfirm={() => void attempt(() => room.remove(layer.member.id))}
          onClose={close}
        />
      )}
    </aside>
  );
}

function Summary({ details, onEdit }: { details: RoomDetails; onEdit: () => void }) {
  const t = useT();
  const { name, avatar, colourId, direct, peer, topic, alias, can } = details;
  return (
    <div className="details__summary">
      <Avatar id={colourId} name={name} picture={avatar} size="xl" square={!direct} />
      <h3 dir="auto">{name}</h3>
      <p className="details__kind">{direct ? peer : t(details.public ? "details.public" : "details.private")}</p>
      {topic !== "" && (
        <p className="details__topic" dir="auto">
          {topic}
        </p>
      )}
      {alias !== undefined && <p className="details__kind">{alias}</p>}
      {!direct && (can.rename || can.describe || can.picture) && (
        <Button kind="text" onClick={onEdit}>
          <Pencil aria-hidden />
          {t("details.edit")}
        </Button>
      )}
    </div>
  );
}

interface MembersProps {
  members: readonly Member[];
  details: RoomDetails;
  onInvite: () => void;
  onRemove: (member: Member) => void;
}

/** Above this, searching is easier than scrolling. */
const SEARCH_FROM = 12;
const ROW_REM = 3.6;

function Members({ members, details, onInvite, onRemove }: MembersProps) {
  const t = useT();
  const [term, setTerm] = useState("");
  const wanted = term.trim().toLocaleLowerCase();
  const shown = members.filter(({ name, id }) => name.toLocaleLowerCase().includes(wanted) || id.includes(wanted));
  return (
    <section className="details__members">
      <header className="details__members-head">
        <h3>{t.count("details.members", details.memberCount)}</h3>
        {details.can.invite && (
          <IconButton label={t("details.invite.title")} onClick={onInvite}>
            <UserPlus />
          </IconButton>
        )}
      </header>
      {members.length >= SEARCH_FROM && <SearchBox label={t("details.findMember")} value={term} onChange={setTerm} />}
      <VirtualList
        items={shown}
        rowRem={ROW_REM}
        keyOf={({ id }) => id}
        label={t.count("details.members", details.memberCount)}
      >
        {(member) => <MemberRow member={member} details={details} onRemove={() => onRemove(member)} />}
      </VirtualList>
    </section>
  );
}

function MemberRow({ member, details, onRemove }: { member: Member; details: RoomDetails; onRemove: () => void }) {
  const t = useT();
  const account = useAccount();
  const me = member.id === account.userId;
  const removable = details.can.remove && !me && member.role === "member" && !details.direct;
  const message = () =>
    void attempt(async () => router.go({ name: "room", roomId: await account.directory.startDirect(member.id) }));
  return (
    <div className="member">
      <button type="button" className="member__who" disabled={me || details.direct} onClick={message} title={member.id}>
        <Avatar id={member.id} name={member.name} picture={member.avatar} />
        <span className="member__text">
          <span className="ellipsis">
            <bdi>{member.name}</bdi>
            {me && <span className="member__you">{` (${t("details.you")})`}</span>}
          </span>
          <span className="member__detail ellipsis">
            {member.membership === "invite" ? t("details.invited") : member.id}
          </span>
        </span>
      </button>
      {member.role !== "member" && !details.direct && <span className="member__role">{t(`role.${member.role}`)}</span>}
      {removable && (
        <IconButton label={`${t("action.remove")}: ${member.name}`} className="member__remove" onClick={onRemove}>
          <UserMinus />
        </IconButton>
      )}
    </div>
  );
}
