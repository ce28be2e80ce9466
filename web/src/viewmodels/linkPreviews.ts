/** Whether pages that messages link to are shown: a choice of this browser, with exceptions for single conversations. */
import { Observable } from "../lib/observable.ts";

const KEY = "im2.linkPreviews";

export interface LinkPreviewChoices {
  on: boolean;
  /** By room. */
  rooms: Readonly<Record<string, boolean>>;
}

export const linkPreviews = new Observable<LinkPreviewChoices>(read());

/** The server learns which links of an encrypted conversation are looked at: there they are off unless wanted. */
export function showsPreviews(choices: LinkPreviewChoices, roomId: string, encrypted: boolean): boolean {
  return choices.rooms[roomId] ?? (choices.on && !encrypted);
}

export function setLinkPreviews(on: boolean): void {
  store({ ...linkPreviews.get(), on });
}

export function setRoomPreviews(roomId: string, on: boolean): void {
  const { on: general, rooms } = linkPreviews.get();
  store({ on: general, rooms: { ...rooms, [roomId]: on } });
}

function store(next: LinkPreviewChoices): void {
  linkPreviews.set(next);
  localStorage.setItem(KEY, JSON.stringify(next));
}

function read(): LinkPreviewChoices {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, unknown> | null;
    const rooms = Object.entries((stored?.rooms ?? {}) as object).filter(([, on]) => typeof on === "boolean");
    return { on: stored?.on !== false, rooms: Object.fromEntries(rooms) };
  } catch {
    return { on: true, rooms: {} };
  }
}
