import "./People.css";
import { Search, UserSearch } from "lucide-react";
import { useMemo, useState } from "react";
import { useAccount, useReadable, useT } from "../../app/hooks.ts";
import { router } from "../../app/router.ts";
import { problemText } from "../../lib/problem.ts";
import { localpart } from "../../lib/text.ts";
import type { Person } from "../../matrix/types.ts";
import { EmptyState, SearchBox } from "../../ui/controls.tsx";
import { contactsOf, PeopleModel } from "../../viewmodels/people.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { PersonRow } from "./PersonRow.tsx";
import { PeopleSkeleton } from "./PeopleSkeleton.tsx";

/** Everybody one can talk with: contacts, and a search of the server's people. */
export function People() {
  const t = useT();
  const account = useAccount();
  const model = useMemo(() => new PeopleModel(account), [account]);
  const { term } = useReadable(model.snapshot);
  const [opening, setOpening] = useState<string>();
  const open = async (person: Person) => {
    if (opening !== undefined) return;
    setOpening(person.id);
    await attempt(async () => router.go({ name: "room", roomId: await account.directory.startDirect(person.id) }));
    setOpening(undefined);
  };
  return (
    <>
      <header className="pane__head">
        <h1 className="pane__title">{t("people.title")}</h1>
      </header>
      <div className="pane__search">
        <SearchBox label={t("people.search")} value={term} onChange={model.search} autoFocus />
      </div>
      <div className="pane__scroll">
        {term.trim() === "" ? (
          <Contacts onOpen={open} opening={opening} />
        ) : (
          <Results model={model} onOpen={open} opening={opening} />
        )}
      </div>
    </>
  );
}

interface ListProps {
  onOpen: (person: Person) => void;
  opening: string | undefined;
}

function Contacts({ onOpen, opening }: ListProps) {
  const t = useT();
  const account = useAccount();
  const contacts = contactsOf(useReadable(account.conversations.list), t.locale);
  if (contacts.length === 0) return <EmptyState icon={<UserSearch />} text={t("people.empty")} />;
  return (
    <>
      <h2 className="pane__heading">{t("people.recent")}</h2>
      <PersonList people={contacts} onOpen={onOpen} opening={opening} />
    </>
  );
}

function Results({ model, onOpen, opening }: ListProps & { model: PeopleModel }) {
  const t = useT();
  const account = useAccount();
  const { term, results, busy, problem } = useReadable(model.snapshot);
  if (problem !== undefined) return <p className="people__problem notice notice--problem">{problemText(problem, t)}</p>;
  if (results === undefined) return <PeopleSkeleton />;
  if (results.length === 0 && !busy) {
    const server = account.userId.replace(/^[^:]*:/, "");
    return <EmptyState icon={<Search />} text={t("people.none", { term: term.trim(), server })} />;
  }
  return (
    <>
      <h2 className="pane__heading">{t("people.results")}</h2>
      <PersonList people={results} onOpen={onOpen} opening={opening} />
    </>
  );
}

function PersonList({ people, onOpen, opening }: ListProps & { people: readonly Person[] }) {
  return (
    <ul className="people">
      {people.map((person) => (
        <li key={person.id}>
          <PersonRow
            person={person}
            detail={localpart(person.id) === person.name ? person.id : `@${localpart(person.id)}`}
            busy={opening === person.id}
            onSelect={() => onOpen(person)}
          />
        </li>
      ))}
    </ul>
  );
}
