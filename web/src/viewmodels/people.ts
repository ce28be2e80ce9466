/** The people whom one knows, and searching for others. */
import { bySections, type Listed, matchesPerson, type Section } from "../lib/contacts.ts";
import type { ContactFormat, FileContact } from "../lib/contactfile.ts";
import { CONTACT_FORMATS, MAX_FILE, readContacts, writeContacts } from "../lib/contactfile.ts";
import { attachAll, Derived, Observable } from "../lib/observable.ts";
import { personOfLink } from "../lib/personlink.ts";
import type { Account } from "../matrix/account.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { Notes } from "../matrix/contacts.ts";
import type { Conversation, Mxc, Person } from "../matrix/types.ts";

export interface PeopleSnapshot {
  term: string;
  /** Absent while no search was made, or the first one runs. */
  results?: readonly Person[];
  busy: boolean;
  problem?: Problem;
}

/** Keys pressed within this time make one search, in milliseconds. */
const PAUSE = 250;

export class PeopleModel {
  readonly snapshot = new Observable<PeopleSnapshot>({ term: "", busy: false });
  private run = 0;

  constructor(private readonly account: Account) {}

  readonly search = async (term: string): Promise<void> => {
    const run = ++this.run;
    const wanted = personOfLink(term) ?? term.trim();
    if (wanted === "") return this.snapshot.set({ term, busy: false });
    this.snapshot.set({ ...this.snapshot.get(), term, busy: true, problem: undefined });
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (run !== this.run) return;
    try {
      const results = await this.account.directory.searchPeople(wanted);
      if (run === this.run) this.snapshot.set({ term, busy: false, results });
    } catch (error) {
      if (run === this.run) this.snapshot.set({ term, busy: false, problem: problemOf(error) });
    }
  };
}

/** The people one already talks with, by name. */
export function contactsOf(conversations: readonly Conversation[], locale: string): readonly Person[] {
  const byId = new Map<string, Person>();
  for (const { direct, peer, name, avatar, membership } of conversations) {
    if (direct && peer !== undefined && membership === "join" && !byId.has(peer))
      byId.set(peer, { id: peer, name, avatar });
  }
  return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name, locale));
}

export interface Contact extends Listed {
  avatar?: Mxc;
  star: boolean;
}

export interface ContactsSnapshot {
  term: string;
  /** All tags in use, for the filter. */
  tags: readonly string[];
  tag?: string;
  starred: readonly Contact[];
  sections: readonly Section<Contact>[];
  /** Contacts before filtering. */
  total: number;
  /** Invitations of others to a direct chat. */
  received: readonly Conversation[];
  /** Direct chats whose other person has not answered yet. */
  sent: readonly Conversation[];
}

/** What the list of contacts is made from. */
export interface Known {
  conversations: readonly Conversation[];
  notes: Notes;
  /** The name and picture of somebody of whom no direct chat tells. */
  profile: (userId: string) => { name: string; avatar?: Mxc };
}

/** Those with whom one has a direct chat, and those who were added. */
export function allContacts({ conversations, notes, profile }: Known): readonly Contact[] {
  const found = new Map<string, Contact>();
  const add = (id: string, avatar: Mxc | undefined) => {
    if (found.has(id)) return;
    const note = notes[id];
    const known = profile(id);
    const name = note?.remark ?? known.name;
    const picture = known.avatar ?? avatar;
    found.set(id, {
      id,
      name,
      ownName: known.name,
      avatar: picture,
      tags: note?.tags ?? [],
      star: note?.star === true,
    });
  };
  for (const { direct, peer, avatar, membership } of conversations) {
    if (direct && peer !== undefined && membership === "join") add(peer, avatar);
  }
  for (const id of Object.keys(notes)) add(id, undefined);
  return [...found.values()];
}

export function contactsSnapshot(known: Known, term: string, tag: string | undefined): ContactsSnapshot {
  const all = allContacts(known);
  const shown = all.filter(
    (contact) => matchesPerson(contact, term) && (tag === undefined || contact.tags.includes(tag)),
  );
  return {
    term,
    tags: [...new Set(all.flatMap(({ tags }) => tags))].sort((a, b) => a.localeCompare(b)),
    tag,
    starred: bySections(shown.filter(({ star }) => star)).flatMap(({ people }) => people),
    sections: bySections(shown),
    total: all.length,
    received: known.conversations.filter(({ direct, membership }) => direct && membership === "invite"),
    sent: known.conversations.filter(
      ({ direct, membership, peerMembership }) => direct && membership === "join" && peerMembership === "invite",
    ),
  };
}

export class ContactsModel {
  readonly snapshot: Derived<ContactsSnapshot>;
  private readonly term = new Observable("");
  private readonly tag = new Observable<string | undefined>(undefined);

  constructor(private readonly account: Account) {
    const { conversations, contacts, persons } = account;
    this.snapshot = new Derived(
      () => contactsSnapshot(this.known, this.term.get(), this.tag.get()),
      attachAll(conversations.list, contacts.notes, persons.profiles, this.term, this.tag),
    );
  }

  readonly search = (term: string): void => this.term.set(term);

  readonly filter = (tag: string | undefined): void => this.tag.set(tag);

  async accept(request: Conversation): Promise<string> {
    return this.account.directory.join(request.id, request.peer);
  }

  async decline(request: Conversation): Promise<void> {
    await this.account.directory.decline(request.id);
  }

  /** Blocks first: should declining fail, they still cannot ask again. */
  async block(request: Conversation): Promise<void> {
    if (request.peer !== undefined) await this.account.persons.block(request.peer);
    await this.decline(request);
  }

  /**
   * Takes an invitation back, and leaves the chat in which nobody else is. False where only that was possible: in a chat
   * in which both have the same rights, nobody can take an invitation from the other.
   */
  async withdraw({ id, peer }: Conversation): Promise<boolean> {
    return peer !== undefined && (await this.account.directory.withdraw(id, peer));
  }

  export(format: ContactFormat): File {
    const { notes } = this.known;
    const contacts = bySections(allContacts(this.known)).flatMap(({ people }) => people);
    const lines = contacts.map(({ id, ownName }): FileContact => {
      const { name: _, ...note } = notes[id] ?? {};
      return { id, name: ownName, note };
    });
    const { extension, type } = CONTACT_FORMATS[format];
    return new File([writeContacts(lines, format)], `contacts.${extension}`, { type: `${type};charset=utf-8` });
  }

  /** Adds the contacts of a file; answers with how many there were, or nothing where it is no list of contacts. */
  async import(file: File): Promise<number | undefined> {
    if (file.size > MAX_FILE) return undefined;
    const found = readContacts(await file.text())?.filter(({ id }) => id !== this.account.userId);
    if (found === undefined) return undefined;
    if (found.length > 0) await this.account.contacts.import(found);
    return found.length;
  }

  private get known(): Known {
    const { conversations, contacts, persons } = this.account;
    return {
      conversations: conversations.list.get(),
      notes: contacts.notes.get(),
      profile: (userId) => persons.known(userId),
    };
  }
}
