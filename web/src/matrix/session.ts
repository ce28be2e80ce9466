/** The account that this browser is signed in to. */
export interface Session {
  homeserver: string;
  userId: string;
  deviceId: string;
  accessToken: string;
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
  return ["homeserver", "userId", "deviceId", "accessToken"].every((name) => typeof fields[name] === "string");
}
