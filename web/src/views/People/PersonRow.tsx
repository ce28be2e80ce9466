import { Check, LoaderCircle } from "lucide-react";
import type { Person } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";

interface PersonRowProps {
  person: Person;
  detail: string;
  busy?: boolean;
  /** In a list from which several are chosen. */
  picked?: boolean;
  onSelect: () => void;
}

export function PersonRow({ person, detail, busy = false, picked, onSelect }: PersonRowProps) {
  return (
    <button type="button" className="person-row" aria-pressed={picked} onClick={onSelect} title={person.id}>
      <Avatar id={person.id} name={person.name} picture={person.avatar} />
      <span className="person-row__text">
        <bdi className="person-row__name ellipsis">{person.name}</bdi>
        <span className="person-row__detail ellipsis">{detail}</span>
      </span>
      {busy && <LoaderCircle className="spin" aria-hidden />}
      {picked === true && <Check className="person-row__check" aria-hidden />}
    </button>
  );
}
