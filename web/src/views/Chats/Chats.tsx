import "./Chats.css";
import { MessageCircle, Plus, SquarePen, UserPlus, Users } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { useReadable, useT } from "../../app/hooks.ts";
import { Link } from "../../app/Link.tsx";
import { router } from "../../app/router.ts";
import type { MessageKey } from "../../i18n/index.ts";
import { EmptyState, IconButton } from "../../ui/controls.tsx";
import { Menu, Popover } from "../../ui/Popover.tsx";
import { VirtualList } from "../../ui/VirtualList.tsx";
import { type ChatFilter, type ChatsModel, type ChatsSnapshot, FILTERS } from "../../viewmodels/chats.ts";
import { NewGroup } from "../Groups/NewGroup.tsx";
import { ChatRow } from "./ChatRow.tsx";
import { ChatsSkeleton } from "./ChatsSkeleton.tsx";

const ROW_REM = 4.7;

/** The list of conversations. */
export function Chats({ model, selected }: { model: ChatsModel; selected: string | undefined }) {
  const t = useT();
  const snapshot = useReadable(model.snapshot);
  return (
    <>
      <header className="pane__head">
        <h1 className="pane__title">{t("chats.title")}</h1>
        <NewConversation />
      </header>
      {snapshot.total > 0 && <Filters model={model} snapshot={snapshot} />}
      {snapshot.loading ? <ChatsSkeleton /> : <List snapshot={snapshot} selected={selected} />}
    </>
  );
}

function List({ snapshot, selected }: { snapshot: ChatsSnapshot; selected: string | undefined }) {
  const t = useT();
  const { rows, total, filter } = snapshot;
  if (total === 0) return <Welcome />;
  if (rows.length === 0 && filter !== "all") return <p className="chats__none">{t(EMPTY[filter])}</p>;
  return (
    <div className="chats__keys" onKeyDown={moveFocus} role="presentation">
      <VirtualList
        key={filter}
        items={rows}
        rowRem={ROW_REM}
        keyOf={(row) => row.id}
        label={t("chats.list")}
        className="chats__list"
        reveal={rows.findIndex(({ id }) => id === selected)}
      >
        {(row) => <ChatRow conversation={row} selected={row.id === selected} />}
      </VirtualList>
    </div>
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

function Filters({ model, snapshot }: { model: ChatsModel; snapshot: ChatsSnapshot }) {
  const t = useT();
  return (
    <div className="chats__filters" role="group" aria-label={t("chats.filter")}>
      {FILTERS.map((filter) => (
        <button
          key={filter}
          type="button"
          className="chip"
          aria-pressed={snapshot.filter === filter}
          onClick={() => model.setFilter(filter)}
        >
          {t(`chats.filter.${filter}`)}
        </button>
      ))}
    </div>
  );
}

function NewConversation() {
  const t = useT();
  const anchor = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [newGroup, setNewGroup] = useState(false);
  const close = () => setOpen(false);
  return (
    <>
      <IconButton
        ref={anchor}
        label={t("chats.new")}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <SquarePen />
      </IconButton>
      {open && anchor.current !== null && (
        <Popover anchor={anchor.current} label={t("chats.new")} onClose={close}>
          <Menu
            label={t("chats.new")}
            onClose={close}
            items={[
              { label: t("chats.new.person"), icon: <UserPlus />, onSelect: () => router.go({ name: "people" }) },
              { label: t("chats.new.group"), icon: <Plus />, onSelect: () => setNewGroup(true) },
              { label: t("chats.new.browse"), icon: <Users />, onSelect: () => router.go({ name: "groups" }) },
            ]}
          />
        </Popover>
      )}
      {newGroup && <NewGroup onClose={() => setNewGroup(false)} />}
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
