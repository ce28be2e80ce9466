import "./Details.css";
import {
  Ban,
  ChevronRight,
  Flag,
  Images,
  LogOut,
  MessagesSquare,
  Pencil,
  Pin,
  QrCode,
  Search,
  ShieldCheck,
  Sticker,
  UserPlus,
  UserRoundPlus,
} from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Member, RoomDetails } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton, RemoteSwitch, SearchBox, Switch } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { VirtualList } from "../../ui/VirtualList.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { linkPreviews, setRoomPreviews, showsPreviews } from "../../viewmodels/linkPreviews.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { VerifiedMark } from "../Encryption/VerifiedMark.tsx";
import { VerifyButton } from "../Encryption/VerifyButton.tsx";
import { ReasonDialog } from "../Conversation/ReasonDialog.tsx";
import type { DrawerView } from "./Drawer.tsx";
import { ChatChoices } from "../Settings/ChatChoices.tsx";
import { EditGroup } from "./EditGroup.tsx";
import { MemberMenu } from "./MemberMenu.tsx";
import { InvitePeople } from "./InvitePeople.tsx";

interface DetailsProps {
  model: ConversationModel;
  onView: (view: DrawerView) => void;
}

type Layer = { kind: "edit" | "invite" | "leave" | "packs" | "code" | "report" };

const GroupCode = lazy(() => import("./GroupCode.tsx"));
const PacksDialog = lazy(() => import("../Packs/PacksDialog.tsx"));

/** The drawer on the right: who is here, and what can be changed. */
export function Details({ model, onView }: DetailsProps) {
  const t = useT();
  const { room } = model;
  const choices = useReadable(linkPreviews);
  const details = useReadable(room.details);
  const members = useReadable(room.members);
  const rules = useReadable(room.administration.rules);
  const [layer, setLayer] = useState<Layer>();
  const close = () => setLayer(undefined);
  useEffect(() => void attempt(() => room.loadMembers()), [room]);
  const leave = () =>
    void attempt(async () => {
      await room.leave();
      router.go({ name: "chats" }, { replace: true });
    });
  return (
    <>
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
        <Switch
          label={t("linkPreviews.label")}
          hint={t(details.encrypted ? "linkPreviews.hint.encrypted" : "linkPreviews.hint")}
          checked={showsPreviews(choices, details.id, details.encrypted)}
          onChange={(on) => setRoomPreviews(details.id, on)}
        />
      </div>
      <ChatChoices roomId={details.id} />
      <nav className="details__places" aria-label={t("details.places")}>
        <Place icon={<Search />} label={t("roomSearch.title")} onClick={() => onView({ kind: "search" })} />
        <Place icon={<Images />} label={t("shared.title")} onClick={() => onView({ kind: "shared" })} />
        <Place icon={<MessagesSquare />} label={t("thread.list")} onClick={() => onView({ kind: "threads" })} />
        <Place icon={<Pin />} label={t("pins.title")} onClick={() => onView({ kind: "pins" })} />
        <Place icon={<Sticker />} label={t("packs.title")} onClick={() => setLayer({ kind: "packs" })} />
        {!details.direct && (
          <>
            {rules.requests.length > 0 && (
              <Place
                icon={<UserRoundPlus />}
                label={t("requests.title")}
                count={rules.requests.length}
                onClick={() => onView({ kind: "requests" })}
              />
            )}
            <Place icon={<ShieldCheck />} label={t("rules.title")} onClick={() => onView({ kind: "rules" })} />
            {(rules.can.ban || rules.banned.length > 0) && (
              <Place icon={<Ban />} label={t("banned.title")} onClick={() => onView({ kind: "banned" })} />
            )}
            <Place icon={<QrCode />} label={t("details.code")} onClick={() => setLayer({ kind: "code" })} />
            <Place icon={<Flag />} label={t("details.report")} onClick={() => setLayer({ kind: "report" })} />
          </>
        )}
      </nav>
      <Members room={room} members={members} details={details} onInvite={() => setLayer({ kind: "invite" })} />
      <Button kind="danger-quiet" className="details__leave" onClick={() => setLayer({ kind: "leave" })}>
        <LogOut aria-hidden />
        {t("details.leave")}
      </Button>
      {layer?.kind === "edit" && <EditGroup room={room} details={details} onClose={close} />}
      {layer?.kind === "invite" && <InvitePeople room={room} members={members} onClose={close} />}
      {layer?.kind === "packs" && (
        <Suspense fallback={null}>
          <PacksDialog roomId={details.id} onClose={close} />
        </Suspense>
      )}
      {layer?.kind === "code" && (
        <Suspense fallback={null}>
          <GroupCode details={details} onClose={close} />
        </Suspense>
      )}
      {layer?.kind === "report" && (
        <ReasonDialog
          title={t("person.report.title", { name: details.name })}
          text={t("details.report.text")}
          label={t("person.report.reason")}
          action={t("person.report.send")}
          required
          onSubmit={async (reason) => {
            await room.report(reason);
            showToast({ tone: "done", message: { key: "person.reported" } });
          }}
          onClose={close}
        />
      )}
      {layer?.kind === "leave" && (
        <Confirm
          title={t("details.leave.title", { name: details.name })}
          text={t("details.leave.text")}
          action={t("details.leave")}
          onConfirm={leave}
          onClose={close}
        />
      )}
    </>
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
      {direct && peer !== undefined && <VerifyButton userId={peer} />}
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

interface PlaceProps {
  icon: ReactNode;
  label: string;
  count?: number;
  onClick: () => void;
}

function Place({ icon, label, count, onClick }: PlaceProps) {
  return (
    <button type="button" className="details__place" onClick={onClick}>
      {icon}
      <span>{label}</span>
      {count !== undefined && <span className="badge">{count}</span>}
      <ChevronRight aria-hidden />
    </button>
  );
}

interface MembersProps {
  room: RoomHandle;
  members: readonly Member[];
  details: RoomDetails;
  onInvite: () => void;
  /** The level below that of the heading they stand under. */
  heading?: "h2" | "h3";
}

/** Above this, searching is easier than scrolling. */
const SEARCH_FROM = 12;
const ROW_REM = 3.6;

export function Members({ room, members, details, onInvite, heading: Heading = "h3" }: MembersProps) {
  const t = useT();
  const [term, setTerm] = useState("");
  const wanted = term.trim().toLocaleLowerCase();
  const shown = members.filter(({ name, id }) => name.toLocaleLowerCase().includes(wanted) || id.includes(wanted));
  return (
    <section className="details__members">
      <header className="details__members-head">
        <Heading>{details.direct ? t("details.people") : t.count("details.members", details.memberCount)}</Heading>
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
        label={details.direct ? t("details.people") : t.count("details.members", details.memberCount)}
      >
        {(member) => <MemberRow room={room} member={member} details={details} />}
      </VirtualList>
    </section>
  );
}

function MemberRow({ room, member, details }: { room: RoomHandle; member: Member; details: RoomDetails }) {
  const t = useT();
  const account = useAccount();
  const me = member.id === account.userId;
  return (
    <div className="member">
      <button type="button" className="member__who" onClick={() => openPerson(member.id, details.id)} title={member.id}>
        <Avatar id={member.id} name={member.name} picture={member.avatar} />
        <span className="member__text">
          <span className="ellipsis">
            <bdi>{member.name}</bdi>
            {!me && <VerifiedMark userId={member.id} />}
            {me && <span className="member__you">{` (${t("details.you")})`}</span>}
          </span>
          <span className="member__detail ellipsis">
            {member.membership === "invite" ? t("details.invited") : member.id}
          </span>
        </span>
      </button>
      {member.role !== "member" && !details.direct && <span className="member__role">{t(`role.${member.role}`)}</span>}
      {!details.direct && <MemberMenu room={room} member={member} />}
    </div>
  );
}
