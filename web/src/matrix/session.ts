/** The account that this browser is signed in to. */
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
}

/** What a session keeps of the `expires_in_ms` of an answer. */
export function expiry(expiresIn: number | undefined): Pick<Session, "expiresAt" | "lifetime"> {
  return { expiresAt: expiresIn === undefined ? undefined : Date.now() + expiresIn, lifetime: expiresIn };
}

const KEY = "im2.session";

/** The server this client belongs to: the one that serves it, unless a developer says otherwise. */
export function defaultHomeserver(): string {
  const configured: unknown = import.meta.env.VITE_HOMESERVER;
  return typeof configured === "string" && configured !== "" ? configured : window.location.origin;
}

export function loadSession(): Session | undefined {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return isSession(stored) ? stored : undefined;
  } catch {
    return undefined;
  }
}

export function saveSession(session: Session): void {
  localStorage.setItem(KEY, JSON.stringify(session));
}

export function clearSession(): void {
  localStorage.removeItem(KEY);
}

function isSession(value: unknown): value is Session {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  const has = (type: "string" | "number") => (name: string) => typeof fields[name] === type;
  const may = (type: "string" | "number") => (name: string) => fields[name] === undefined || has(type)(name);
  const required = ["homeserver", "userId", "deviceId", "accessToken"];
  return (
    required.every(has("string")) && may("string")("refreshToken") && ["expiresAt", "lifetime"].every(may("number"))
  );
}
