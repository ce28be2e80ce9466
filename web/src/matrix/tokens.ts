/**
 * The access token of the signed-in account, exchanged for a new one before it expires (spec: "Refreshing access
 * tokens"). The stored session is what all tabs share: one of them exchanges at a time, and the others take what it has
 * stored. An exchange whose answer was lost is made again; the server then gives a new pair for the same refresh token.
 */
import { MatrixHttpError } from "./errors.ts";
import { request } from "./http.ts";
import { REFRESH_LOCK } from "../sw/locks.ts";
import { pushAccount, updatePushAccount } from "../sw/store.ts";
import { expiry, type Session, storedSession, updateSession } from "./session.ts";

/** How long before its end a token is exchanged, at most; of a short life, a quarter. */
const MARGIN_MS = 5 * 60_000;
/** After a failed exchange, while the old token still works. */
const RETRY_MS = 10_000;
/** The longest time that a browser's timers take. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface RefreshAnswer {
  access_token: string;
  refresh_token?: string;
  expires_in_ms?: number;
}

export class Tokens {
  private running: Promise<boolean> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private listeners: ((accessToken: string) => void)[] = [];
  private readonly onStorage = () => this.adopt();

  constructor(
    private session: Session,
    /** Exchanges in time, also while nothing is asked of the server. */
    private readonly always = true,
  ) {
    window.addEventListener("storage", this.onStorage);
    this.adopt();
    this.schedule();
  }

  /** Tells of every new token. */
  onChange(listener: (accessToken: string) => void): void {
    this.listeners.push(listener);
  }

  /** A token that has not expired, as far as that can be known. */
  async fresh(): Promise<string> {
    // While the server cannot be reached the old one is as good as any: the request will fail for the same reason.
    if (this.isDue()) await this.exchange(this.session.accessToken).catch(() => false);
    return this.session.accessToken;
  }

  /** `fetch`, for requests that carry an access token: with the newest one, and again if that had expired. */
  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    if (!new Headers(init.headers).has("Authorization")) return fetch(input, init);
    const token = await this.fresh();
    const response = await fetch(input, withToken(init, token));
    if (response.status !== 401 || !(await isUnknownToken(response))) return response;
    return (await this.exchange(token)) ? fetch(input, withToken(init, this.session.accessToken)) : response;
  };

  stop(): void {
    window.removeEventListener("storage", this.onStorage);
    clearTimeout(this.timer);
  }

  private isDue(): boolean {
    const { expiresAt, lifetime } = this.session;
    if (expiresAt === undefined || lifetime === undefined) return false;
    return Date.now() >= expiresAt - Math.min(MARGIN_MS, lifetime / 4);
  }

  /** Puts a new token in the place of `used`. False if the session has ended. */
  private exchange(used: string): Promise<boolean> {
    this.running ??= this.exclusively(() => this.exchangeNow(used)).finally(() => {
      this.running = undefined;
      this.schedule();
    });
    return this.running;
  }

  private async exchangeNow(used: string): Promise<boolean> {
    this.adopt();
    if (this.session.accessToken === used) await this.adoptFromWorker();
    if (this.session.accessToken !== used) return true;
    const { homeserver, refreshToken } = this.session;
    if (refreshToken === undefined) return false;
    try {
      const body = { refresh_token: refreshToken };
      const answer = await request<RefreshAnswer>(homeserver, "/v3/refresh", { method: "POST", body });
      // What is no pair of tokens, as the page of a proxy, is not to end the session.
      if (typeof answer.access_token !== "string") throw new TypeError("the server has answered with no token");
      await this.take({
        ...this.session,
        accessToken: answer.access_token,
        refreshToken: answer.refresh_token ?? refreshToken,
        ...expiry(answer.expires_in_ms),
      });
      return true;
    } catch (error) {
      if (!(error instanceof MatrixHttpError && (error.status === 401 || error.status === 403))) throw error;
      // Without locks another tab may have been quicker.
      this.adopt();
      return this.session.accessToken !== used;
    }
  }

  /** Runs `work` in one tab at a time, where the browser can do that: it needs HTTPS. */
  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    return "locks" in navigator ? navigator.locks.request(REFRESH_LOCK, work) : work();
  }

  /** Takes over what another tab has stored for the same device. */
  private adopt(): void {
    const stored = storedSession(this.session.userId);
    if (stored?.deviceId !== this.session.deviceId) return;
    if (stored.accessToken === this.session.accessToken) return;
    this.session = stored;
    this.changed();
  }

  /** With the client closed, the service worker exchanges tokens to fetch what it notifies of. */
  private async adoptFromWorker(): Promise<void> {
    const { userId, deviceId, expiresAt = 0 } = this.session;
    const stored = await pushAccount(userId);
    if (stored?.deviceId !== deviceId || stored.accessToken === this.session.accessToken) return;
    // An older pair is one that the worker has not been told to forget yet.
    if ((stored.expiresAt ?? 0) <= expiresAt) return;
    const { accessToken, refreshToken, lifetime } = stored;
    await this.take({ ...this.session, accessToken, refreshToken, expiresAt: stored.expiresAt, lifetime });
  }

  private async take(session: Session): Promise<void> {
    this.session = session;
    // Whoever has signed out meanwhile stays signed out.
    updateSession(session, session);
    const { accessToken, refreshToken, expiresAt, lifetime } = session;
    await updatePushAccount(session, { accessToken, refreshToken, expiresAt, lifetime });
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener(this.session.accessToken);
    this.schedule();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (!this.always) return;
    const { expiresAt, lifetime } = this.session;
    if (expiresAt === undefined || lifetime === undefined) return;
    const due = expiresAt - Math.min(MARGIN_MS, lifetime / 4) - Date.now();
    this.timer = setTimeout(() => void this.fresh(), Math.min(due > 0 ? due : RETRY_MS, LONGEST_TIMER_MS));
  }
}

function withToken(init: RequestInit, token: string): RequestInit {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token}`);
  return { ...init, headers };
}

async function isUnknownToken(response: Response): Promise<boolean> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return (body as { errcode?: unknown } | undefined)?.errcode === "M_UNKNOWN_TOKEN";
}
