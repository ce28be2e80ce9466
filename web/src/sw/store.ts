/**
 * What the client leaves for its service worker, which runs while no tab is open and cannot see the local storage: the
 * accounts that want to be notified, with their tokens. Both sides write: whoever exchanges a token holds the lock
 * `im2.refresh`, reads what is here first, and leaves the new pair.
 */
import type { QuietHours } from "../lib/quiet.ts";

export interface PushAccount {
  userId: string;
  deviceId: string;
  homeserver: string;
  accessToken: string;
  refreshToken?: string;
  expiresAt?: number;
  lifetime?: number;
  /** The key of the server, by which the push service knows it, in URL-safe base64. */
  vapid: string;
  /** The subscription that the server has been told of. */
  pushkey?: string;
  options: PushOptions;
  /** The store of the encryption keys, and what it is encrypted with: only while what messages say is shown. */
  keys?: { store: string; key: string };
  /** What was unread when the server last said so. */
  unread?: number;
}

/** How somebody wants to be notified. */
export interface PushOptions {
  catalogue: "en" | "zh";
  locale: string;
  /** What a message says is shown. */
  preview: boolean;
  /** Notifications make the sound of the system. */
  sound: boolean;
  quiet: QuietHours;
}

const NAME = "im2-push";
const ACCOUNTS = "accounts";

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ACCOUNTS, { keyPath: "userId" });
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      request.result.onclose = () => {
        opened = undefined;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  });
  opened.catch(() => {
    opened = undefined;
  });
  return opened;
}

/** Where nothing can be stored, nobody is notified by the worker. */
async function use<T>(
  mode: IDBTransactionMode,
  work: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T | undefined> {
  try {
    const transaction = (await database()).transaction(ACCOUNTS, mode);
    const request = work(transaction.objectStore(ACCOUNTS));
    return await new Promise<T>((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } catch {
    return undefined;
  }
}

export async function pushAccounts(): Promise<readonly PushAccount[]> {
  return ((await use("readonly", (store) => store.getAll())) as PushAccount[] | undefined) ?? [];
}

export async function pushAccount(userId: string): Promise<PushAccount | undefined> {
  return (await use("readonly", (store) => store.get(userId))) as PushAccount | undefined;
}

export async function setPushAccount(account: PushAccount): Promise<void> {
  await use("readwrite", (store) => store.put(account));
}

/** Changes what is stored of a session; nothing where it is not stored. */
export async function updatePushAccount(
  { userId, deviceId }: { userId: string; deviceId: string },
  change: Partial<PushAccount>,
): Promise<void> {
  // Reading and writing are one transaction, so that what the other side writes at the same time stays.
  await use("readwrite", (store) => {
    const request = store.get(userId) as IDBRequest<PushAccount | undefined>;
    request.onsuccess = () => {
      const stored = request.result;
      if (stored?.deviceId === deviceId) store.put({ ...stored, ...change });
    };
    return request;
  });
}

export async function removePushAccount(userId: string): Promise<void> {
  await use("readwrite", (store) => store.delete(userId));
}

/** What a tab tells the worker, which outlives it: how the account that is open there wants to be notified. */
export interface OptionsWord {
  word: "options";
  userId: string;
  deviceId: string;
  options: PushOptions;
  keys: PushAccount["keys"];
}

/**
 * How one account is to be notified from now on. What belongs to the browser counts for the others as well, whose keys are
 * `keysOf`.
 */
export async function changeOptions(
  { userId, deviceId, options, keys }: Omit<OptionsWord, "word">,
  keysOf: (other: PushAccount) => PushAccount["keys"],
): Promise<void> {
  const { catalogue, locale, preview } = options;
  await updatePushAccount({ userId, deviceId }, { options, keys });
  for (const other of await pushAccounts()) {
    if (other.userId === userId) continue;
    const theirs = { ...other.options, catalogue, locale, preview };
    await updatePushAccount(other, { options: theirs, keys: preview ? keysOf(other) : undefined });
  }
}
