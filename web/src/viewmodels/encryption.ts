/** Which dialog about encryption is open, and whether somebody is to be reminded of what is not set up. */
import { Observable } from "../lib/observable.ts";
import type { EncryptionStatus } from "../matrix/crypto/encryption.ts";

export type EncryptionDialog =
  /** A new recovery key; "change" puts it in the place of one that there is. */
  | { kind: "recovery" }
  /** This session, which others do not trust yet. */
  | { kind: "verify" }
  | { kind: "person"; userId: string };

export const encryptionDialog = new Observable<EncryptionDialog | undefined>(undefined);

export function openEncryption(dialog: EncryptionDialog): void {
  encryptionDialog.set(dialog);
}

export function closeEncryption(): void {
  encryptionDialog.set(undefined);
}

export type Reminder = "recovery" | "verify";

const LATER = "im2.recovery-later";
/** Who has said "later" is asked again after so long. */
const PAUSE_MS = 7 * 24 * 60 * 60 * 1000;

const putOffAt = new Observable<number>(Number(localStorage.getItem(LATER) ?? 0));
export const putOff: { get: () => number; subscribe: (listener: () => void) => () => void } = putOffAt;

export function remindLater(now = Date.now()): void {
  localStorage.setItem(LATER, String(now));
  putOffAt.set(now);
}

/** What there is to be reminded of. An unverified session cannot be put off for a week: it cannot read much. */
export function reminderFor(status: EncryptionStatus, putOffSince: number, now = Date.now()): Reminder | undefined {
  if (status.engine !== "ready") return undefined;
  if (status.session === "unverified") return "verify";
  const due = now - putOffSince > PAUSE_MS;
  return status.session === "verified" && status.recovery === "missing" && due ? "recovery" : undefined;
}
