import "./Groups.css";
import { Compass, Plus } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { problemText } from "../../lib/problem.ts";
import type { PublicGroup } from "../../matrix/types.ts";
import { Button, EmptyState, IconButton, SearchBox } from "../../ui/controls.tsx";
import { RoomSummary } from "../../ui/RoomSummary.tsx";
import { GroupsModel } from "../../viewmodels/groups.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { PeopleSkeleton } from "../People/PeopleSkeleton.tsx";
import { NewGroup } from "./NewGroup.tsx";

/** The public groups of the server. */
export function Groups() {
  const t = useT();
  const account = useAccount();
  const model = useMemo(() => new GroupsModel(account), [account]);
  const snapshot = useReadable(model.snapshot);
  const [creating, setCreating] = useState(false);
  const [joining, setJoining] = useState<string>();
  useEffect(() => void model.search(""), [model]);
  const join = async (target: string) => {
    setJoining(target);
    await attempt(async () => router.go({ name: "room", roomId: await account.directory.join(target) }));
    setJoining(undefined);
  };
  const alias = /^#[^\s:]+:\S+$/.test(snapshot.term.trim()) ? snapshot.term.trim() : undefined;
  return (
    <>
      <header className="pane__head">
        <h1 className="pane__title">{t("groups.title")}</h1>
        <IconButton label={t("groups.create")} onClick={() => setCreating(true)}>
          <Plus />
        </IconButton>
      </header>
      <div className="pane__search">
        <SearchBox label={t("groups.search")} value={snapshot.term} onChange={model.search} />
      </div>
      <div className="pane__scroll">
        {alias !== undefined && (
          <div className="groups__alias">
            <Button kind="primary" wide busy={joining === alias} onClick={() => void join(alias)}>
              <span className="ellipsis">{t("groups.join", { alias })}</span>
            </Button>
          </div>
        )}
        {snapshot.problem !== undefined && (
          <p className="notice notice--problem groups__problem">{problemText(snapshot.problem, t)}</p>
        )}
        <GroupList
          model={model}
          joining={joining}
          onJoin={join}
          onCreate={() => setCreating(true)}
          hasAlias={alias !== undefined}
        />
      </div>
      {creating && <NewGroup onClose={() => setCreating(false)} />}
    </>
  );
}

interface GroupListProps {
  model: GroupsModel;
  joining: string | undefined;
  onJoin: (roomId: string) => void;
  onCreate: () => void;
  hasAlias: boolean;
}

function GroupList({ model, joining, onJoin, onCreate, hasAlias }: GroupListProps) {
  const t = useT();
  const { groups, next, busy, problem, term } = useReadable(model.snapshot);
  if (groups === undefined) return problem === undefined ? <PeopleSkeleton /> : null;
  if (groups.length === 0 && !busy && !hasAlias) {
    const text = term.trim() === "" ? t("groups.empty") : t("groups.none", { term: term.trim() });
    return (
      <EmptyState icon={<Compass />} text={text}>
        <Button kind="primary" onClick={onCreate}>
          <Plus aria-hidden />
          {t("groups.create")}
        </Button>
      </EmptyState>
    );
  }
  return (
    <>
      <ul className="groups">
        {groups.map((group) => (
          <li key={group.id}>
            <GroupRow group={group} busy={joining === group.id} onJoin={() => onJoin(group.id)} />
          </li>
        ))}
      </ul>
      {next !== undefined && (
        <Button kind="text" wide busy={busy} onClick={() => void model.more()}>
          {t("groups.more")}
        </Button>
      )}
    </>
  );
}

function GroupRow({ group, busy, onJoin }: { group: PublicGroup; busy: boolean; onJoin: () => void }) {
  const t = useT();
  const { id, name, joined } = group;
  // Whoever is not in it sees what it is before joining.
  const look = () => router.go({ name: "room", roomId: id });
  return (
    <RoomSummary room={group} onOpen={look}>
      <Button
        kind={joined ? "quiet" : "primary"}
        busy={busy}
        onClick={joined ? look : onJoin}
        aria-label={`${t(joined ? "action.open" : "action.join")}: ${name}`}
      >
        {t(joined ? "action.open" : "action.join")}
      </Button>
    </RoomSummary>
  );
}
