import { type ReactNode, useRef } from "react";
import { useT } from "../../base/hooks.ts";
import type { Person } from "../../matrix/types.ts";
import type { Contact, ContactsSnapshot } from "../../viewmodels/people.ts";
import { PersonList } from "./People.tsx";

interface ContactListProps {
  snapshot: ContactsSnapshot;
  /** What stands above the contacts and scrolls with them. */
  top: ReactNode;
  onOpen: (person: Person) => void;
  opening: string | undefined;
}

/** Fewer letters are quicker scrolled than pointed at. */
const INDEX_FROM = 4;

/** The contacts under their letters, with an index at the edge. */
export function ContactList({ snapshot, top, onOpen, opening }: ContactListProps) {
  const t = useT();
  const list = useRef<HTMLDivElement>(null);
  const { sections, starred } = snapshot;
  const go = (letter: string) =>
    list.current?.querySelector(`[data-letter="${letter}"]`)?.scrollIntoView({ block: "start" });
  const section = (letter: string, title: string, people: readonly Contact[]) => (
    <section key={letter} className="contacts__section" data-letter={letter} aria-label={title}>
      <h2 className="pane__heading contacts__letter">{title}</h2>
      <PersonList people={people} onOpen={onOpen} opening={opening} />
    </section>
  );
  return (
    <div className="contacts">
      <div ref={list} className="pane__scroll">
        {top}
        {starred.length > 0 && section("★", t("people.starred"), starred)}
        {sections.map(({ letter, people }) => section(letter, letter, people))}
      </div>
      {sections.length >= INDEX_FROM && (
        <nav className="contacts__index" aria-label={t("people.index")}>
          {starred.length > 0 && <IndexButton letter="★" label={t("people.starred")} onGo={go} />}
          {sections.map(({ letter }) => (
            <IndexButton key={letter} letter={letter} label={letter} onGo={go} />
          ))}
        </nav>
      )}
    </div>
  );
}

function IndexButton({ letter, label, onGo }: { letter: string; label: string; onGo: (letter: string) => void }) {
  return (
    <button type="button" aria-label={label} onClick={() => onGo(letter)}>
      {letter}
    </button>
  );
}
