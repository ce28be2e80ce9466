/** One person's card: what is shown and what one can do about them. */
import { contactNote, tagsOf } from "../lib/contacts.ts";
import { attachAll, Derived, Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { Conversation, PersonDetails } from "../matrix/types.ts";

export interface PersonSnapshot {
  person: PersonDetails;
  /** Absent until the server has answered. */
  groups?: readonly Conversation[];
  groupsProblem?: Problem;
}

export class PersonModel {
  readonly snapshot: Derived<PersonSnapshot>;
  private readonly common = new Observable<{ rooms?: ReadonlySet<string>; groupsProblem?: Problem }>({});

  constructor(
    private readonly account: Account,
    readonly userId: string,
  ) {
    const details = account.persons.details(userId);
    this.snapshot = new Derived<PersonSnapshot>(
      () => ({ person: details.get(), groups: this.groups(), groupsProblem: this.common.get().groupsProblem }),
      attachAll(details, this.common, account.conversations.list),
    );
  }

  /** As far as this account shows them: those of the server's answer that the sync has brought by now. */
  private groups(): readonly Conversation[] | undefined {
    const { rooms } = this.common.get();
    if (rooms === undefined) return undefined;
    const { list } = this.account.conversations;
    return list.get().filter(({ id, direct, membership }) => rooms.has(id) && !direct && membership === "join");
  }

  /** Asks the server for what the sync does not tell. */
  async load(): Promise<void> {
    void this.account.persons.load(this.userId);
    if (this.userId === this.account.userId) return;
    try {
      this.common.set({ rooms: await this.account.persons.roomsInCommon(this.userId) });
    } catch (error) {
      this.common.set({ groupsProblem: problemOf(error) });
    }
  }

  /** Opens or makes the direct chat; answers with its room. */
  message(note = ""): Promise<string> {
    return this.account.directory.startDirect(this.userId, note.trim());
  }

  async saveNote(remark: string, tags: string): Promise<void> {
    const note = contactNote({ remark, tags: tagsOf(tags) });
    await this.account.contacts.note(this.userId, { remark: note.remark, tags: note.tags, name: this.ownName });
  }

  async setStar(star: boolean): Promise<void> {
    await this.account.contacts.note(this.userId, { star: star ? true : undefined, name: this.ownName });
  }

  async add(): Promise<void> {
    await this.account.contacts.add(this.userId, this.ownName);
  }

  async remove(): Promise<void> {
    await this.account.contacts.remove(this.userId);
  }

  async block(): Promise<void> {
    await this.account.persons.block(this.userId);
    const { request } = this.snapshot.get().person;
    if (request !== undefined) await this.account.directory.decline(request);
  }

  async unblock(): Promise<void> {
    await this.account.persons.unblock(this.userId);
  }

  async report(reason: string): Promise<void> {
    await this.account.persons.report(this.userId, reason.trim());
  }

  private get ownName(): string {
    return this.snapshot.get().person.ownName;
  }
}
