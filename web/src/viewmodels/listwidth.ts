/** How wide the list of conversations is in this browser. */
import { Observable } from "../lib/observable.ts";

const KEY = "im2.list";
/** In rem, as everything: the text size scales it. */
export const NARROWEST = 15;
export const WIDEST = 32;
export const USUAL = 21.5;
/** Only pictures, and what is unread. */
export const FOLDED = 5.2;
/** Pulled to less than this, it folds. */
const FOLDS = 11;

export const listWidth = new Observable<number>(read(localStorage.getItem(KEY)));

export function setListWidth(rem: number): void {
  const width = rem < FOLDS ? FOLDED : Math.round(Math.min(WIDEST, Math.max(NARROWEST, rem)) * 10) / 10;
  listWidth.set(width);
  localStorage.setItem(KEY, String(width));
}

function read(stored: string | null): number {
  const width = Number(stored ?? "");
  return width === FOLDED || (width >= NARROWEST && width <= WIDEST) ? width : USUAL;
}
