import "./Chats.css";
import { Bookmark, MessageCircle, Orbit, Plus, Search, SquarePen, UserPlus, Users } from "lucide-react";
import { type KeyboardEvent, lazy, Suspense, useRef, useState } from "react";
import { usePhone, useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { preferences } from "../../base/preferences.ts";
import { router } from "../../base/router.ts";
import type { MessageKey } from "../../i18n/index.ts";
import type { Conversation } from "../../matrix/types.ts";
import { EmptyState, IconButton } from "../../ui/controls.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import { VirtualList } from "../../ui/VirtualList.tsx";
import {
  ALL,
  type ChatFilter,
  type ChatsModel,
  type ChatsSnapshot,
  FILTERS,
  type LabelEntry,
} from "../../viewmodels/chats.ts";
import { FOLDED, listWidth } from "../../viewmodels/listwidth.ts";
import { NewGroup } from "../Groups/NewGroup.tsx";
import { SavedMessages } from "../Saved/SavedMessages.tsx";
import { ChatRow } from "./ChatRow.tsx";
import { ChatsSkeleton } from "./ChatsSkeleton.tsx";
import { ArchiveRow, FolderHead, NewSpaceDialog, SpaceStrip } from "./Folders.tsx";

const SearchEverywhere = lazy(() => import("../Search/SearchEverywhere.tsx"));

const ROW_REM = { comfortable: 4.7, compact: 3.5 };

/** The list of conversations. */
export function Chats({ model, selected }: { model: ChatsModel; selected: string | undefined }) {
  const snapshot = useReadable(model.snapshot);
  const t = useT();
  const phone = usePhone();
  // Folded, there is room for pictures; an empty list has its width.
  const folded = useReadable(listWidth) === FOLDED && !phone && snapshot.rows.length > 0;
  const [searching, setSearching] = useState(false);
  const left = useRef(false);
  if (searching) {
    const close = () => {
      left.current = true;
      setSearching(false);
    };
    return (
      <Suspense fallback={<ChatsSkeleton />}>
        <SearchEverywhere onClose={close} />
      </Suspense>
    );
  }
  return (
    <>
      {folded ? (
        <header className="pane__head pane__head--folded">
          <h1 className="visually-hidden">{snapshot.space?.name ?? t("chats.title")}</h1>
          <NewConversation />
        </header>
      ) : (
        <header className="pane__head">
          <FolderHead model={model} snapshot={snapshot} />
          <IconButton
            // The focus returns to where it came from.
            ref={(button) => {
              if (left.current) button?.focus();
              left.current = false;
            }}
            label={t("search.open")}
            onClick={() => setSearching(true)}
          >
            <Search />
          </IconButton>
          <SavedButton />
          <NewConversation />
        </header>
      )}
      {phone && <SpaceStrip model={model} />}
      {snapshot.total > 0 && !folded && (
        // The row of the spaces has a way back to everything already.
        <Filters model={model} snapshot={snapshot} all={!phone || snapshot.spaces.length === 0} />
      )}
      {snapshot.loading ? <ChatsSkeleton /> : <List model={model} snapshot={snapshot} selected={selected} />}
    </>
  );
}

interface ListProps {
  model: ChatsModel;
  snapshot: ChatsSnapshot;
  selected: string | undefined;
}

function List({ model, snapshot, selected }: ListProps) {
  const t = useT();
  const { rows, total, filter, folder, space, archived } = snapshot;
  const { density } = useReadable(preferences);
  if (total === 0 && space === undefined) return <Welcome />;
  const foot = folder.kind === "all" && filter === "all" && archived.count > 0;
  if (rows.length === 0 && !foot) {
    if (filter !== "all") return <p className="chats__none">{t(EMPTY[filter])}</p>;
    if (space !== undefined) return <EmptySpace id={space.id} />;
  }
  const key = `${filter} ${"id" in folder ? folder.id : "name" in folder ? `${folder.kind} ${folder.name}` : folder.kind}`;
  return (
    <div className="chats__keys" onKeyDown={moveFocus} role="presentation">
      <VirtualList<Conversation | "archive">
        key={key}
        items={foot ? [...rows, "archive"] : rows}
        rowRem={ROW_REM[density]}
        keyOf={(row) => (row === "archive" ? row : row.id)}
        label={t("chats.list")}
        className="chats__list"
        reveal={rows.findIndex(({ id }) => id === selected)}
      >
        {(row) =>
          row === "archive" ? (
            <ArchiveRow model={model} snapshot={snapshot} />
          ) : (
            <ChatRow conversation={row} selected={row.id === selected} onSight={model.inSight} />
          )
        }
      </VirtualList>
    </div>
  );
}

function EmptySpace({ id }: { id: string }) {
  const t = useT();
  return (
    <EmptyState icon={<Orbit />} text={t("space.list.empty")}>
      <Link className="button button--primary" to={{ name: "space", spaceId: id }}>
        {t("space.home")}
      </Link>
    </EmptyState>
  );
}

const EMPTY: Record<Exclude<ChatFilter, "all">, MessageKey> = {
  unread: "chats.empty.unread",
  people: "chats.empty.people",
  groups: "chats.empty.groups",
};

function Welcome() {
  const t = useT();
  return (
    <EmptyState icon={<MessageCircle />} title={t("chats.empty.title")} text={t("chats.empty.text")}>
      <Link className="button button--primary" to={{ name: "people" }}>
        <UserPlus aria-hidden />
        {t("chats.empty.action")}
      </Link>
    </EmptyState>
  );
}

/** What kind of conversations is shown, and the folders that somebody has made. Chosen again, a filter is taken off. */
function Filters({ model, snapshot, all }: { model: ChatsModel; snapshot: ChatsSnapshot; all: boolean }) {
  const t = useT();
  const { filter: chosen, folder, labels } = snapshot;
  const inLabel = folder.kind === "label";
  const chip = (filter: ChatFilter) => {
    const pressed = chosen === filter && !inLabel;
    return (
      <button
        key={filter}
        type="button"
        className="chip"
        aria-pressed={pressed}
        onClick={() => {
          if (inLabel) model.setFolder(ALL);
          model.setFilter(pressed ? "all" : filter);
        }}
      >
        {t(`chats.filter.${filter}`)}
      </button>
    );
  };
  const label = ({ name, unread }: LabelEntry) => {
    const pressed = inLabel && folder.name === name;
    return (
      <button
        key={name}
        type="button"
        className="chip chip--label"
        aria-pressed={pressed}
        onClick={() => {
          model.setFilter("all");
          model.setFolder(pressed ? ALL : { kind: "label", name });
        }}
      >
        <bdi className="ellipsis">{name}</bdi>
        {unread > 0 && (
          <>
            <span className="chip__count" aria-hidden>
              {unread}
            </span>
            <span className="visually-hidden">{t.count("space.unread", unread)}</span>
          </>
        )}
      </button>
    );
  };
  return (
    <div className="chats__filters" role="group" aria-label={t("chats.filter")}>
      {all && chip("all")}
      {folder.kind !== "archive" && labels.map(label)}
      {FILTERS.filter((filter) => filter !== "all").map(chip)}
    </div>
  );
}

function SavedButton() {
  const t = useT();
  const [open, setOpen] = useState(false);
  return (
    <>
      <IconButton label={t("saved.title")} onClick={() => setOpen(true)}>
        <Bookmark />
      </IconButton>
      {open && <SavedMessages onClose={() => setOpen(false)} />}
    </>
  );
}

function NewConversation() {
  const t = useT();
  const [layer, setLayer] = useState<"group" | "space">();
  return (
    <>
      <MenuButton
        label={t("chats.new")}
        icon={<SquarePen />}
        items={[
          { label: t("chats.new.person"), icon: <UserPlus />, onSelect: () => router.go({ name: "people" }) },
          { label: t("chats.new.group"), icon: <Plus />, onSelect: () => setLayer("group") },
          { label: t("space.new"), icon: <Orbit />, onSelect: () => setLayer("space") },
          { label: t("chats.new.browse"), icon: <Users />, onSelect: () => router.go({ name: "groups" }) },
        ]}
      />
      {layer === "group" && <NewGroup onClose={() => setLayer(undefined)} />}
      {layer === "space" && <NewSpaceDialog onClose={() => setLayer(undefined)} />}
    </>
  );
}

/** Arrow keys move through the conversations. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>(".chat-row")];
  const index = rows.indexOf(document.activeElement as HTMLElement);
  if (index < 0) return;
  event.preventDefault();
  rows[index + step]?.focus();
}
