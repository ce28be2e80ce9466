import "./People.css";
import { X } from "lucide-react";
import { useMemo } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { problemText } from "../../lib/problem.ts";
import type { Person } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { SearchBox } from "../../ui/controls.tsx";
import { contactsOf, PeopleModel } from "../../viewmodels/people.ts";
import { PersonRow } from "./PersonRow.tsx";

interface PeoplePickerProps {
  picked: readonly Person[];
  onChange: (picked: readonly Person[]) => void;
  /** People who cannot be chosen: those who are there already. */
  exclude?: ReadonlySet<string>;
  autoFocus?: boolean;
}

/** Chooses several people: contacts at once, others by search. */
export function PeoplePicker({ picked, onChange, exclude, autoFocus }: PeoplePickerProps) {
  const t = useT();
  const account = useAccount();
  const model = useMemo(() => new PeopleModel(account), [account]);
  const { term, results, busy, problem } = useReadable(model.snapshot);
  const contacts = contactsOf(useReadable(account.conversations.list), t.locale);
  const searching = term.trim() !== "";
  const shown = (searching ? (results ?? []) : contacts).filter(({ id }) => exclude?.has(id) !== true);
  const isPicked = (person: Person) => picked.some(({ id }) => id === person.id);
  const toggle = (person: Person) =>
    onChange(isPicked(person) ? picked.filter(({ id }) => id !== person.id) : [...picked, person]);
  const server = account.userId.replace(/^[^:]*:/, "");
  return (
    <div className="picker">
      {picked.length > 0 && (
        <ul className="picker__chips" aria-label={t("people.picked")}>
          {picked.map((person) => (
            <li key={person.id}>
              <button type="button" className="picker__chip" onClick={() => toggle(person)}>
                <Avatar id={person.id} name={person.name} picture={person.avatar} size="xs" />
                <bdi className="ellipsis">{person.name}</bdi>
                <X aria-label={t("action.remove")} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <SearchBox label={t("people.search")} value={term} onChange={model.search} autoFocus={autoFocus} />
      {problem !== undefined && <p className="notice notice--problem">{problemText(problem, t)}</p>}
      <ul className="picker__list">
        {shown.map((person) => (
          <li key={person.id}>
            <PersonRow person={person} detail={person.id} picked={isPicked(person)} onSelect={() => toggle(person)} />
          </li>
        ))}
        {searching && !busy && shown.length === 0 && problem === undefined && (
          <li className="picker__none">{t("people.none", { term: term.trim(), server })}</li>
        )}
      </ul>
    </div>
  );
}
