import { Archive, ArrowLeft, ChevronRight, MessagesSquare, Plus } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { usePhone, useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { router } from "../../base/router.ts";
import type { Translate } from "../../i18n/index.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton } from "../../ui/controls.tsx";
import { ALL, type ChatsModel, type ChatsSnapshot, type SpaceEntry } from "../../viewmodels/chats.ts";

const NewSpace = lazy(() => import("../Spaces/NewSpace.tsx"));

interface FoldersProps {
  model: ChatsModel;
}

/** The spaces as squares, in the rail. */
export function SpaceRail({ model }: FoldersProps) {
  const t = useT();
  const snapshot = useReadable(model.snapshot);
  const [creating, setCreating] = useState(false);
  if (snapshot.spaces.length === 0) return null;
  return (
    <div className="rail__spaces" role="group" aria-label={t("space.title")}>
      {snapshot.spaces.map((entry) => (
        <SpaceButton
          key={entry.space.id}
          model={model}
          entry={entry}
          snapshot={snapshot}
          className="rail__space-button"
        >
          <Avatar id={entry.space.id} name={entry.space.name} picture={entry.space.avatar} square />
          <span className="visually-hidden">{nameOf(entry, t)}</span>
        </SpaceButton>
      ))}
      <IconButton label={t("space.new")} className="rail__new" onClick={() => setCreating(true)}>
        <Plus />
      </IconButton>
      {creating && <NewSpaceDialog onClose={() => setCreating(false)} />}
    </div>
  );
}

/** The spaces as a row above the list, on a phone. */
export function SpaceStrip({ model }: FoldersProps) {
  const t = useT();
  const snapshot = useReadable(model.snapshot);
  if (snapshot.spaces.length === 0) return null;
  const all = snapshot.folder.kind === "all";
  const showAll = () => {
    model.setFolder(ALL);
    model.setFilter("all");
  };
  return (
    <div className="space-strip" role="group" aria-label={t("space.title")}>
      <button type="button" className="space-strip__item" aria-pressed={all} onClick={showAll}>
        <span className="space-strip__all" aria-hidden>
          <MessagesSquare />
        </span>
        <span className="space-strip__name ellipsis">{t("chats.all")}</span>
      </button>
      {snapshot.spaces.map((entry) => (
        <SpaceButton key={entry.space.id} model={model} entry={entry} snapshot={snapshot} className="space-strip__item">
          <Avatar id={entry.space.id} name={entry.space.name} picture={entry.space.avatar} square />
          <bdi className="space-strip__name ellipsis" aria-hidden>
            {entry.space.name}
          </bdi>
          <span className="visually-hidden">{nameOf(entry, t)}</span>
        </SpaceButton>
      ))}
    </div>
  );
}

interface SpaceButtonProps extends FoldersProps {
  entry: SpaceEntry;
  snapshot: ChatsSnapshot;
  className: string;
  children: ReactNode;
}

/** Shows the rooms of a space; chosen again, its home. An invitation is opened. */
function SpaceButton({ model, entry, snapshot, className, children }: SpaceButtonProps) {
  const phone = usePhone();
  const { space, unread } = entry;
  const { folder } = snapshot;
  const chosen = folder.kind === "space" && folder.id === space.id;
  const choose = () => {
    const home = { name: "space", spaceId: space.id } as const;
    if (space.membership === "invite" || chosen) {
      router.go(home);
      return;
    }
    model.setFolder({ kind: "space", id: space.id });
    // A conversation that is open stays open; where nothing is, there is room for the home.
    const { name } = router.route.get();
    if (name !== "room" && !phone) router.go(home);
  };
  return (
    <button type="button" className={className} aria-pressed={chosen} title={space.name} onClick={choose}>
      {children}
      {unread > 0 && (
        <span className="badge rail__badge" aria-hidden>
          {unread > 99 ? "99+" : unread}
        </span>
      )}
    </button>
  );
}

function nameOf({ space, unread }: SpaceEntry, t: Translate): string {
  if (space.membership === "invite") return t("space.invited", { name: space.name });
  return unread > 0 ? `${space.name}, ${t.count("space.unread", unread)}` : space.name;
}

/** What stands above the list in place of "Chats" while a part of it is shown. */
export function FolderHead({ model, snapshot }: FoldersProps & { snapshot: ChatsSnapshot }) {
  const t = useT();
  const { folder, space, spaces } = snapshot;
  const stands = spaces.some((entry) => entry.space.id === space?.id);
  return (
    <>
      {(folder.kind === "archive" || (space !== undefined && !stands)) && (
        <IconButton label={t("folder.leave")} className="folder-head__back" onClick={() => model.setFolder(ALL)}>
          <ArrowLeft />
        </IconButton>
      )}
      {space === undefined ? (
        <h1 className="pane__title ellipsis">{t(folder.kind === "archive" ? "chats.archived" : "chats.title")}</h1>
      ) : (
        <h1 className="pane__title folder-head">
          <Link to={{ name: "space", spaceId: space.id }} title={t("space.home")}>
            <bdi className="ellipsis">{space.name}</bdi>
            <ChevronRight aria-hidden />
          </Link>
        </h1>
      )}
    </>
  );
}

/** The last row of the list: what was put away. */
export function ArchiveRow({ model, snapshot }: FoldersProps & { snapshot: ChatsSnapshot }) {
  const t = useT();
  const { count, unread } = snapshot.archived;
  return (
    <button type="button" className="chat-row chat-row--archive" onClick={() => model.setFolder({ kind: "archive" })}>
      <span className="chat-row__archive" aria-hidden>
        <Archive />
      </span>
      <span className="chat-row__top">
        <span className="chat-row__name ellipsis">{t("chats.archived")}</span>
      </span>
      <span className="chat-row__bottom">
        <span className="chat-row__text ellipsis">{t.count("chats.archived", count)}</span>
        {unread > 0 && (
          <span className="badge badge--muted" role="img" aria-label={t.count("space.unread", unread)}>
            {unread}
          </span>
        )}
      </span>
    </button>
  );
}

export function NewSpaceDialog({ onClose }: { onClose: () => void }) {
  return (
    <Suspense fallback={null}>
      <NewSpace onClose={onClose} />
    </Suspense>
  );
}
