import "./SpaceHome.css";
import "../Details/Details.css";
import {
  EllipsisVertical,
  FolderMinus,
  Link2,
  LogOut,
  MessageSquarePlus,
  Orbit,
  Pencil,
  Plus,
  Star,
  StarOff,
  UserPlus,
} from "lucide-react";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { pathOf, router } from "../../base/router.ts";
import { problemText } from "../../lib/problem.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { RoomDetails, Space } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, EmptyState, IconButton, SearchBox } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import type { MenuItem } from "../../ui/Popover.tsx";
import { RoomSummary } from "../../ui/RoomSummary.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import { filtersFor, type RoomFilter, roomsShown, SpaceModel, type SpaceRow } from "../../viewmodels/space.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { BackButton } from "../Conversation/Header.tsx";
import { copy } from "../Conversation/MessageMenus.tsx";
import { Members } from "../Details/Details.tsx";
import { EditGroup } from "../Details/EditGroup.tsx";
import { InvitePeople } from "../Details/InvitePeople.tsx";
import { NewGroup } from "../Groups/NewGroup.tsx";
import { PeopleSkeleton } from "../People/PeopleSkeleton.tsx";
import { AddRooms } from "./AddRooms.tsx";

type Layer = "invite" | "edit" | "leave" | "add" | "group";

/** A space: what it is, the rooms that are in it, who belongs to it. */
export default function SpaceHome({ space }: { space: Space }) {
  const account = useAccount();
  const room = account.room(space.id);
  return room === undefined ? null : <Home key={space.id} space={space} room={room} />;
}

function Home({ space, room }: { space: Space; room: RoomHandle }) {
  const t = useT();
  const details = useReadable(room.details);
  const members = useReadable(room.members);
  const [tab, setTab] = useState<"rooms" | "members">("rooms");
  const [layer, setLayer] = useState<Layer>();
  const close = () => setLayer(undefined);
  useEffect(() => void attempt(() => room.loadMembers()), [room]);
  const leave = () =>
    void attempt(async () => {
      await room.leave();
      router.go({ name: "chats" }, { replace: true });
    });
  return (
    <div className="space-home">
      <header className="space-home__bar">
        <BackButton />
        <span className="space-home__grow" />
        {details.can.invite && (
          <IconButton label={t("details.invite.title")} onClick={() => setLayer("invite")}>
            <UserPlus />
          </IconButton>
        )}
        <SpaceMenu space={space} details={details} onLayer={setLayer} />
      </header>
      <div className="space-home__about">
        <Avatar id={space.id} name={space.name} picture={space.avatar} size="xl" square />
        <h1 dir="auto">{space.name}</h1>
        <p className="space-home__facts">
          {`${t(details.public ? "space.public" : "space.private")} · ${t.count("details.members", details.memberCount)}`}
        </p>
        {details.alias !== undefined && <p className="space-home__facts">{details.alias}</p>}
        {space.topic !== "" && (
          <p className="space-home__topic" dir="auto">
            {space.topic}
          </p>
        )}
      </div>
      <div className="space-home__tabs">
        <Tabs
          label={space.name}
          value={tab}
          options={[
            { value: "rooms", label: t("space.rooms") },
            { value: "members", label: t("space.members") },
          ]}
          onChange={setTab}
        >
          {tab === "rooms" ? (
            <Rooms space={space} onLayer={setLayer} />
          ) : (
            <Members room={room} members={members} details={details} onInvite={() => setLayer("invite")} heading="h2" />
          )}
        </Tabs>
      </div>
      {layer === "invite" && <InvitePeople room={room} members={members} onClose={close} />}
      {layer === "edit" && <EditGroup room={room} details={details} onClose={close} />}
      {layer === "add" && <AddRooms space={space} onClose={close} />}
      {layer === "group" && <NewGroup space={space} onClose={close} />}
      {layer === "leave" && (
        <Confirm
          title={t("details.leave.title", { name: space.name })}
          text={t("space.leave.text")}
          action={t("space.leave")}
          onConfirm={leave}
          onClose={close}
        />
      )}
    </div>
  );
}

interface SpaceMenuProps {
  space: Space;
  details: RoomDetails;
  onLayer: (layer: Layer) => void;
}

function SpaceMenu({ space, details, onLayer }: SpaceMenuProps) {
  const t = useT();
  const { can, alias } = details;
  const link = window.location.origin + pathOf({ name: "room", roomId: alias ?? space.id });
  const items: MenuItem[] = [
    { label: t("space.copyLink"), icon: <Link2 />, onSelect: () => copy(link, "message.linkCopied") },
    { label: t("space.leave"), icon: <LogOut />, danger: true, onSelect: () => onLayer("leave") },
  ];
  if (can.rename || can.describe || can.picture)
    items.unshift({ label: t("space.edit"), icon: <Pencil />, onSelect: () => onLayer("edit") });
  return <MenuButton label={t("action.more")} icon={<EllipsisVertical />} items={items} />;
}

/** Above this, searching is easier than scrolling. */
const SEARCH_FROM = 8;

function Rooms({ space, onLayer }: { space: Space; onLayer: (layer: Layer) => void }) {
  const t = useT();
  const account = useAccount();
  const model = useMemo(() => new SpaceModel(account, space.id), [account, space.id]);
  const { rooms, more, busy, problem } = useReadable(model.snapshot);
  const [term, setTerm] = useState("");
  const [filter, setFilter] = useState<RoomFilter>("all");
  useEffect(() => model.watch(), [model]);
  const filters = useMemo(() => filtersFor(rooms ?? []), [rooms]);
  // Where the last group of a kind was joined, all are shown again.
  const chosen = filters.includes(filter) ? filter : "all";
  const wanted = term.trim();
  const shown = useMemo(() => rooms && roomsShown(rooms, chosen, wanted), [rooms, chosen, wanted]);
  return (
    <>
      {space.manages && (
        <div className="space-home__actions">
          <Button onClick={() => onLayer("group")}>
            <MessageSquarePlus aria-hidden />
            {t("space.group")}
          </Button>
          <Button onClick={() => onLayer("add")}>
            <Plus aria-hidden />
            {t("space.add")}
          </Button>
        </div>
      )}
      {rooms !== undefined && rooms.length >= SEARCH_FROM && (
        <SearchBox label={t("space.search")} value={term} onChange={setTerm} />
      )}
      {filters.length > 1 && (
        <div className="space-home__filters" role="group" aria-label={t("space.filter")}>
          {filters.map((each) => (
            <button
              key={each}
              type="button"
              className="chip"
              aria-pressed={each === chosen}
              onClick={() => setFilter(each)}
            >
              {t(`space.filter.${each}`)}
            </button>
          ))}
        </div>
      )}
      {problem !== undefined && (
        <p className="notice notice--problem space-home__problem">
          {problemText(problem, t)}
          <Button kind="text" onClick={() => void model.load()}>
            {t("action.retry")}
          </Button>
        </p>
      )}
      {rooms === undefined && problem === undefined && <PeopleSkeleton />}
      {rooms?.length === 0 && !busy && <EmptyState icon={<Orbit />} text={t("space.empty")} />}
      {shown !== undefined && shown.length === 0 && wanted !== "" && (
        <p className="space-home__none">{t("space.none", { term: wanted })}</p>
      )}
      <ul className="space-home__rooms">
        {shown?.map((row) => (
          <li key={row.id}>
            <RoomRow space={space} row={row} />
          </li>
        ))}
      </ul>
      {more && (
        <Button kind="text" wide busy={busy} onClick={() => void model.more()}>
          {t("groups.more")}
        </Button>
      )}
    </>
  );
}

function RoomRow({ space, row }: { space: Space; row: SpaceRow }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState(false);
  const [removing, setRemoving] = useState(false);
  const { id, name, suggested } = row;
  const joined = row.membership === "join";
  const open = () => router.go(row.space ? { name: "space", spaceId: id } : { name: "room", roomId: id });
  const join = async () => {
    setBusy(true);
    await attempt(async () => {
      await account.directory.join(id, undefined, row.via);
      open();
    });
    setBusy(false);
  };
  const invited = row.membership === "invite";
  const ask = !joined && !invited && row.way === "knock";
  const items: MenuItem[] = [
    {
      label: t(suggested ? "space.unsuggest" : "space.suggest"),
      icon: suggested ? <StarOff /> : <Star />,
      onSelect: () => void attempt(() => account.spaces.add(space.id, id, !suggested)),
    },
    { label: t("space.remove"), icon: <FolderMinus />, danger: true, onSelect: () => setRemoving(true) },
  ];
  return (
    <RoomSummary room={row} onOpen={open} mark={suggested && <Tag>{t("space.suggested")}</Tag>}>
      <Button
        kind={joined ? "quiet" : "primary"}
        busy={busy}
        aria-label={`${t(joined ? "action.open" : ask ? "knock.send" : "action.join")}: ${name}`}
        onClick={joined || ask ? open : () => void join()}
      >
        {t(joined ? "action.open" : ask ? "knock.send" : "action.join")}
      </Button>
      {space.manages && <MenuButton label={t("chats.menu", { name })} icon={<EllipsisVertical />} items={items} />}
      {removing && (
        <Confirm
          title={t("space.remove.title", { name })}
          text={t("space.remove.text")}
          action={t("space.remove")}
          onConfirm={() => void attempt(() => account.spaces.remove(space.id, id))}
          onClose={() => setRemoving(false)}
        />
      )}
    </RoomSummary>
  );
}

function Tag({ children }: { children: ReactNode }) {
  return <span className="member__role">{children}</span>;
}
