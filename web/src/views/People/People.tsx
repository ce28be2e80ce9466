import "./People.css";
import { EllipsisVertical, FileDown, Info, QrCode, Search, ShieldBan, UserPlus, UserSearch } from "lucide-react";
import { useMemo, useState } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import { problemText } from "../../lib/problem.ts";
import { localpart } from "../../lib/text.ts";
import type { Person } from "../../matrix/types.ts";
import { EmptyState, IconButton, SearchBox } from "../../ui/controls.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import { ContactsModel, type ContactsSnapshot, PeopleModel } from "../../viewmodels/people.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { AddContact } from "./AddContact.tsx";
import { BlockedDialog } from "./Blocked.tsx";
import { ContactFiles } from "./ContactFiles.tsx";
import { ContactList } from "./ContactList.tsx";
import { LockedNotes } from "./LockedNotes.tsx";
import { MyCode } from "./MyCode.tsx";
import { PersonRow } from "./PersonRow.tsx";
import { PeopleSkeleton } from "./PeopleSkeleton.tsx";
import { Requests } from "./Requests.tsx";

type Layer = "add" | "code" | "files" | "blocked";

/** Everybody one can talk with: contacts, requests, and a search of the server's people. */
export function People() {
  const t = useT();
  const account = useAccount();
  // A keyboard would cover the contacts.
  const phone = usePhone();
  const others = useMemo(() => new PeopleModel(account), [account]);
  const model = useMemo(() => new ContactsModel(account), [account]);
  const snapshot = useReadable(model.snapshot);
  const { term } = useReadable(others.snapshot);
  const [opening, setOpening] = useState<string>();
  const [layer, setLayer] = useState<Layer>();
  const close = () => setLayer(undefined);
  const open = async (person: Person) => {
    if (opening !== undefined) return;
    setOpening(person.id);
    await attempt(async () => router.go({ name: "room", roomId: await account.directory.startDirect(person.id) }));
    setOpening(undefined);
  };
  const search = (next: string) => {
    model.search(next);
    void others.search(next);
  };
  return (
    <>
      <header className="pane__head">
        <h1 className="pane__title">{t("people.title")}</h1>
        <IconButton label={t("people.add")} onClick={() => setLayer("add")}>
          <UserPlus />
        </IconButton>
        <More onChoose={setLayer} />
      </header>
      <div className="pane__search">
        <SearchBox label={t("people.search")} value={term} onChange={search} autoFocus={!phone} />
      </div>
      {term.trim() === "" ? (
        <Known model={model} snapshot={snapshot} opening={opening} onOpen={open} onLayer={setLayer} />
      ) : (
        <div className="pane__scroll">
          <Found snapshot={snapshot} others={others} opening={opening} onOpen={open} />
        </div>
      )}
      {layer === "add" && <AddContact onClose={close} onCode={() => setLayer("code")} />}
      {layer === "code" && <MyCode onClose={close} />}
      {layer === "files" && <ContactFiles model={model} total={snapshot.total} onClose={close} />}
      {layer === "blocked" && <BlockedDialog onClose={close} />}
    </>
  );
}

function More({ onChoose }: { onChoose: (layer: Layer) => void }) {
  const t = useT();
  return (
    <MenuButton
      label={t("action.more")}
      icon={<EllipsisVertical />}
      items={[
        { label: t("people.code"), icon: <QrCode />, onSelect: () => onChoose("code") },
        { label: t("people.files"), icon: <FileDown />, onSelect: () => onChoose("files") },
        { label: t("people.blocked"), icon: <ShieldBan />, onSelect: () => onChoose("blocked") },
      ]}
    />
  );
}

interface ListProps {
  snapshot: ContactsSnapshot;
  onOpen: (person: Person) => void;
  opening: string | undefined;
}

function Known({
  model,
  snapshot,
  onOpen,
  opening,
  onLayer,
}: ListProps & { model: ContactsModel; onLayer: (layer: Layer) => void }) {
  const t = useT();
  const { total, tags, tag, received, sent } = snapshot;
  const top = (
    <>
      <LockedNotes />
      {(received.length > 0 || sent.length > 0) && <Requests model={model} received={received} sent={sent} />}
      <button type="button" className="person-row people__code" onClick={() => onLayer("code")}>
        <span className="people__code-icon">
          <QrCode aria-hidden />
        </span>
        <span className="person-row__text">
          <span className="person-row__name">{t("people.code")}</span>
          <span className="person-row__detail ellipsis">{t("people.code.hint")}</span>
        </span>
      </button>
      {tags.length > 0 && (
        <div className="people__tags" role="group" aria-label={t("person.tags")}>
          {tags.map((name) => (
            <button
              key={name}
              type="button"
              className="chip"
              aria-pressed={tag === name}
              onClick={() => model.filter(tag === name ? undefined : name)}
            >
              {name}
            </button>
          ))}
        </div>
      )}
      {total === 0 && <EmptyState icon={<UserSearch />} text={t("people.empty")} />}
    </>
  );
  return <ContactList snapshot={snapshot} top={top} onOpen={onOpen} opening={opening} />;
}

/** What a search has found: contacts at once, others when the server has answered. */
function Found({ snapshot, others, onOpen, opening }: ListProps & { others: PeopleModel }) {
  const t = useT();
  const account = useAccount();
  const { term, results, busy, problem } = useReadable(others.snapshot);
  const contacts = snapshot.sections.flatMap(({ people }) => people);
  const known = new Set(contacts.map(({ id }) => id));
  const strangers = (results ?? []).filter(({ id }) => !known.has(id));
  const nobody = contacts.length === 0 && strangers.length === 0 && results !== undefined && !busy;
  return (
    <>
      {contacts.length > 0 && (
        <>
          <h2 className="pane__heading">{t("people.recent")}</h2>
          <PersonList people={contacts} onOpen={onOpen} opening={opening} />
        </>
      )}
      {strangers.length > 0 && (
        <>
          <h2 className="pane__heading">{t("people.results")}</h2>
          <PersonList people={strangers} onOpen={onOpen} opening={opening} />
        </>
      )}
      {problem !== undefined && <p className="people__problem notice notice--problem">{problemText(problem, t)}</p>}
      {results === undefined && problem === undefined && <PeopleSkeleton />}
      {nobody && (
        <EmptyState
          icon={<Search />}
          text={t("people.none", { term: term.trim(), server: account.userId.replace(/^[^:]*:/, "") })}
        />
      )}
    </>
  );
}

interface PersonListProps {
  people: readonly Person[];
  onOpen: (person: Person) => void;
  opening: string | undefined;
}

export function PersonList({ people, onOpen, opening }: PersonListProps) {
  const t = useT();
  return (
    <ul className="people">
      {people.map((person) => (
        <li key={person.id} className="contact">
          <PersonRow
            person={person}
            detail={localpart(person.id) === person.name ? person.id : `@${localpart(person.id)}`}
            busy={opening === person.id}
            onSelect={() => onOpen(person)}
          />
          <IconButton
            className="contact__info"
            label={t("people.details", { name: person.name })}
            onClick={() => openPerson(person.id)}
          >
            <Info />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}
