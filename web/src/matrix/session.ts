/**
 * The accounts that this browser is signed in to: one that is in use, in every tab, and others that wait. Each has a line
 * of its own in the local storage, so that two tabs that write about two accounts lose nothing.
 */
export interface Session {
  homeserver: string;
  userId: string;
  deviceId: string;
  accessToken: string;
  /** For the next access token, where this one expires. */
  refreshToken?: string;
  /** When the access token expires, and after how long a life, in milliseconds. */
  expiresAt?: number;
  lifetime?: number;
  /** What the store of the encryption keys in this browser is encrypted with, in base64. */
  storageKey?: string;
  /** The store has been made: if it is missing, the browser has lost it. */
  keysMade?: boolean;
  /** What the account was called last, to choose it by. */
  name?: string;
}

/** What a session keeps of the `expires_in_ms` of an answer. */
export function expiry(expiresIn: number | undefined): Pick<Session, "expiresAt" | "lifetime"> {
  return { expiresAt: expiresIn === undefined ? undefined : Date.now() + expiresIn, lifetime: expiresIn };
}

/** The account in use. */
const KEY = "im2.session";
/** The others, by user id. */
const OTHERS = "im2.session:";

/** The server this client belongs to: the one that serves it, unless a developer says otherwise. */
export function defaultHomeserver(): string {
  const configured: unknown = import.meta.env.VITE_HOMESERVER;
  return typeof configured === "string" && configured !== "" ? configured : window.location.origin;
}

/** The session in use. */
export function loadSession(): Session | undefined {
  return read(KEY);
}

/** Makes a session the one in use. */
export function saveSession(session: Session): void {
  localStorage.removeItem(OTHERS + session.userId);
  localStorage.setItem(KEY, JSON.stringify(session));
}

/** Ends the session in use. */
export function clearSession(): void {
  localStorage.removeItem(KEY);
}

/** The sessions that wait, in the order of their names. */
export function otherSessions(): readonly Session[] {
  return Object.keys(localStorage)
    .filter((key) => key.startsWith(OTHERS))
    .sort()
    .flatMap((key) => read(key) ?? []);
}

/** The session of an account, in use or not. */
export function storedSession(userId: string): Session | undefined {
  const used = loadSession();
  return used?.userId === userId ? used : read(OTHERS + userId);
}

/** Changes a session where it is stored; one that has ended meanwhile stays ended. */
export function updateSession({ userId, deviceId }: Session, change: Partial<Session>): void {
  const stored = storedSession(userId);
  if (stored?.deviceId !== deviceId) return;
  const key = loadSession()?.userId === userId ? KEY : OTHERS + userId;
  localStorage.setItem(key, JSON.stringify({ ...stored, ...change }));
}

/** Puts the session in use aside. */
export function parkSession(): void {
  const session = loadSession();
  // The other tabs are told of the second step, and find the first one done.
  if (session !== undefined) localStorage.setItem(OTHERS + session.userId, JSON.stringify(session));
  localStorage.removeItem(KEY);
}

/** Puts the session in use aside and another one in its place. */
export function resumeSession(userId: string): Session | undefined {
  const next = storedSession(userId);
  const session = loadSession();
  if (next === undefined || session?.userId === userId) return next;
  if (session !== undefined) localStorage.setItem(OTHERS + session.userId, JSON.stringify(session));
  saveSession(next);
  return next;
}

/** Removes the lines of an account: drafts, preferences, and what the SDK keeps there under the user's name. */
export function removeTraces(userId: string): void {
  for (const key of Object.keys(localStorage))
    if (key.includes(userId) && !isOfLongerName(key, userId)) localStorage.removeItem(key);
}

/** Whether something that is named after an account belongs to another one, whose id is longer. */
function isOfLongerName(text: string, userId: string): boolean {
  return otherSessions().some(
    (other) => other.userId !== userId && other.userId.includes(userId) && text.includes(other.userId),
  );
}

function read(key: string): Session | undefined {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return isSession(stored) ? stored : undefined;
  } catch {
    return undefined;
  }
}

/** Tells when another tab has signed in or out, or changed to another account. */
export function onSessionChange(listener: () => void): void {
  window.addEventListener("storage", ({ key }) => {
    // Clearing the whole storage has no key.
    if (key === null || key === KEY || key.startsWith(OTHERS)) listener();
  });
  // A page that was asleep has heard nothing.
  window.addEventListener("pageshow", ({ persisted }) => persisted && listener());
}

function isSession(value: unknown): value is Session {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  const has = (type: "string" | "number" | "boolean") => (name: string) => typeof fields[name] === type;
  const may = (type: "string" | "number" | "boolean") => (name: string) =>
    fields[name] === undefined || has(type)(name);
  const required = ["homeserver", "userId", "deviceId", "accessToken"];
  return (
    required.every(has("string")) &&
    ["refreshToken", "storageKey", "name"].every(may("string")) &&
    ["expiresAt", "lifetime"].every(may("number")) &&
    may("boolean")("keysMade")
  );
}
