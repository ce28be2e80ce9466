/** Whose card is open: a click on an avatar or a name, anywhere, opens it. */
import { Observable } from "../lib/observable.ts";

export interface ShownPerson {
  userId: string;
  /** The room in which they were met: their role there belongs to the card. */
  roomId?: string;
}

export const shownPerson = new Observable<ShownPerson | undefined>(undefined);

export function openPerson(userId: string, roomId?: string): void {
  shownPerson.set({ userId, roomId });
}

export function closePerson(): void {
  shownPerson.set(undefined);
}
