/**
 * What this account notes about other people: remark names, tags, stars, and whom it has added. The server is not to read it:
 * it is sealed where the secret storage is set up.
 */
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { type ContactNote, contactNote, readContactNote } from "../lib/contacts.ts";
import type { FileContact } from "../lib/contactfile.ts";
import { attachAll, Derived } from "../lib/observable.ts";
import { LocalCopy } from "./crypto/localcopy.ts";
import type { Sealing } from "./crypto/sealing.ts";
import type { Session } from "./session.ts";
import { type Obstacle, Synced } from "./synced.ts";

/** The type of the account data. The content is documented in `web/README.md`. */
const TYPE = "im2.contacts";

export type Notes = Readonly<Record<string, ContactNote>>;

export class Contacts {
  /** By user id: everybody who was added or has a note. */
  readonly notes: Derived<Notes>;
  /** Why what others have noted is not seen here, and what is noted here stays here: "key" where there is none. */
  readonly locked: Derived<Obstacle | "key" | undefined>;
  private readonly synced: Synced<ContactNote>;

  constructor(client: MatrixClient, session: Session, sealing: Sealing) {
    this.synced = new Synced(client, {
      type: TYPE,
      read: readContactNote,
      envelope: sealing.envelope(TYPE),
      join: (older, newer) => ({ ...older, ...newer }),
      copy: LocalCopy.of(session, TYPE),
    });
    this.locked = new Derived(
      () =>
        this.synced.obstacle.get() ??
        (this.synced.held.get() && sealing.state.get() === "without-key" ? "key" : undefined),
      attachAll(this.synced.held, this.synced.obstacle, sealing.state),
    );
    this.notes = new Derived<Notes>(
      () =>
        Object.fromEntries(
          Object.entries(this.synced.entries.get()).flatMap(([userId, { value }]): [string, ContactNote][] =>
            value === undefined ? [] : [[userId, value]],
          ),
        ),
      (changed) => this.synced.entries.subscribe(changed),
    );
  }

  /** Takes up what this browser has kept. */
  load(): Promise<void> {
    return this.synced.load();
  }

  start(): void {
    this.synced.start();
  }

  stop(): Promise<void> {
    return this.synced.stop();
  }

  /** Whether notes in the clear that may not be one's own are to be taken up. */
  decide(believe: boolean): void {
    this.synced.decide(believe);
  }

  get(userId: string): ContactNote | undefined {
    return this.synced.get(userId);
  }

  /** Tells at once when something was noted, also where nobody watches {@link notes}. */
  onChange(changed: () => void): () => void {
    return this.synced.entries.subscribe(changed);
  }

  async add(userId: string, name: string): Promise<void> {
    await this.synced.set({ [userId]: contactNote({ ...this.get(userId), name }) });
  }

  /** Changes a part of a note. Who was not a contact becomes one. */
  async note(userId: string, change: ContactNote): Promise<void> {
    await this.synced.set({ [userId]: contactNote({ ...this.get(userId), ...change }) });
  }

  async setStar(userId: string, star: boolean): Promise<void> {
    await this.note(userId, { star: star ? true : undefined });
  }

  async remove(userId: string): Promise<void> {
    await this.synced.set({ [userId]: undefined });
  }

  /** Adds what a file has. What it says of somebody replaces what was noted; what it does not say stays. */
  async import(contacts: readonly FileContact[]): Promise<void> {
    const changes = contacts.map(({ id, name, note }): [string, ContactNote] => [
      id,
      contactNote({ ...this.get(id), ...(name === "" ? {} : { name }), ...note }),
    ]);
    await this.synced.set(Object.fromEntries(changes));
  }
}
