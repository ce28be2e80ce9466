/**
 * Notifications while no tab is open, from the server without a third party (MSC4174): this browser subscribes at its
 * push service with the server's key, and the server sends there what only this browser can read.
 */
import { type MatrixClient, Method } from "matrix-js-sdk/lib/matrix.js";
import { Observable } from "../lib/observable.ts";
import { noPusher, pusherOf, readSubscription, type Subscription } from "../sw/pusher.ts";
import {
  changeOptions,
  type OptionsWord,
  type PushAccount,
  type PushOptions,
  pushAccount,
  pushAccounts,
  removePushAccount,
  setPushAccount,
} from "../sw/store.ts";
import { cryptoStorePrefix } from "./crypto/storage.ts";
import { type Session, storedSession } from "./session.ts";
import { Tokens } from "./tokens.ts";

export type WebPushState =
  | "off"
  /** The server has been told, and has not reached the service worker yet. */
  | "starting"
  | "on"
  /** What is missing: in the browser, on the server, or just now. */
  | "browser"
  | "server"
  | "failed";

/** How long the service worker may take until it is there; without a build there is none. */
const PATIENCE = 20_000;
/** How often it is looked whether the server's first message has arrived, and how many times. */
const LOOK_EVERY = 1_500;
const LOOKS = 20;

interface Pusher {
  app_id: string;
  pushkey: string;
  activated?: boolean;
}

export class WebPush {
  readonly state = new Observable<WebPushState>("off");
  /** One change after the other. */
  private last: Promise<unknown> = Promise.resolve();
  private stopped = false;
  private worker: ServiceWorker | null = null;

  constructor(
    private readonly client: MatrixClient,
    private readonly session: Session,
  ) {}

  /** Has the server notify this browser. It is done again at each start: subscriptions change, and servers forget. */
  turnOn(options: PushOptions): Promise<void> {
    return this.next(async () => {
      if (!("serviceWorker" in navigator) || !("PushManager" in window)) return this.state.set("browser");
      try {
        this.state.set(await this.subscribe(options));
      } catch (error) {
        console.warn("the push service cannot be used", error);
        this.state.set("failed");
      }
    });
  }

  /** Ends it in this browser, here and on the server: for the accounts that are not in use, too. */
  turnOff(): Promise<void> {
    const before = pushAccounts();
    // Nothing is shown from now on, though the tab may be closed before the server knows.
    const gone = before.then((all) => Promise.all(all.map(({ userId }) => removePushAccount(userId))));
    return this.next(async () => {
      await gone;
      const all = new Map([...(await before), ...(await pushAccounts())].map((one) => [one.userId, one])).values();
      this.state.set("off");
      let stored: PushAccount | undefined;
      for (const one of all) {
        if (one.userId === this.session.userId) stored = one;
        else await turnOffOther(one);
      }
      if (stored === undefined) return;
      await this.removeHere();
      if (stored.pushkey !== undefined) await this.set(noPusher(stored.pushkey));
    });
  }

  /**
   * How it is to be done from now on. The worker hears of it at once, for the tab may be closed next; it is stored again
   * after whatever is under way.
   */
  change(options: PushOptions): Promise<void> {
    const { userId, deviceId } = this.session;
    const said = { userId, deviceId, options, keys: keysFor(userId, options) };
    this.worker?.postMessage({ word: "options", ...said } satisfies OptionsWord);
    return this.next(() => changeOptions(said, (other) => keysFor(other.userId, options)));
  }

  /** The session has ended, and with it what the server knows of this browser. */
  forget(): Promise<void> {
    this.stopped = true;
    return this.next(() => this.removeHere());
  }

  stop(): void {
    this.stopped = true;
  }

  private next<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async subscribe(options: PushOptions): Promise<WebPushState> {
    const capability = (await this.client.getCapabilities())["m.webpush"] as
      | { enabled?: unknown; vapid?: unknown }
      | undefined;
    const vapid = capability?.enabled === true ? capability.vapid : undefined;
    if (typeof vapid !== "string") return "server";
    const registration = await within(PATIENCE, navigator.serviceWorker.ready);
    if (registration === undefined) return "browser";
    this.worker = registration.active;
    const subscription = await subscriptionWith(registration.pushManager, vapid, this.session.userId);
    if (subscription === undefined) return "failed";
    const before = await pushAccount(this.session.userId);
    const { userId, deviceId } = this.session;
    const { homeserver, accessToken, refreshToken, expiresAt, lifetime } = storedSession(userId) ?? this.session;
    const tokens = { accessToken, refreshToken, expiresAt, lifetime };
    const { unread } = before ?? {};
    // The worker answers the server's first message: it has to know the account by then.
    await setPushAccount({
      userId,
      deviceId,
      homeserver,
      ...tokens,
      vapid,
      pushkey: subscription.p256dh,
      options,
      keys: keysFor(userId, options),
      unread,
    });
    await this.set(pusherOf(subscription, { userId, options }));
    const old = before?.deviceId === deviceId ? before.pushkey : undefined;
    if (old !== undefined && old !== subscription.p256dh) await this.set(noPusher(old));
    void this.watch(subscription.p256dh);
    return "starting";
  }

  /** Waits until the server has reached the worker. */
  private async watch(pushkey: string): Promise<void> {
    for (let look = 0; look < LOOKS && !this.stopped; look++) {
      const pushers = await this.pushers().catch(() => []);
      if (this.state.get() !== "starting") return;
      const mine = pushers.find((pusher) => pusher.pushkey === pushkey);
      if (mine?.activated === true) return this.state.set("on");
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    }
  }

  private async pushers(): Promise<readonly Pusher[]> {
    const { pushers } = await this.client.http.authedRequest<{ pushers: Pusher[] }>(Method.Get, "/pushers");
    return pushers;
  }

  private async set(pusher: object): Promise<void> {
    await this.client.http.authedRequest(Method.Post, "/pushers/set", undefined, pusher);
  }

  private async removeHere(): Promise<void> {
    const { userId } = this.session;
    await removePushAccount(userId);
    const registration = await navigator.serviceWorker?.getRegistration();
    if (registration === undefined) return;
    const shown = (await registration.getNotifications?.()) ?? [];
    for (const notification of shown) {
      if ((notification.data as { account?: string } | null)?.account === userId) notification.close();
    }
    if ((await pushAccounts()).length > 0) return;
    await (await registration.pushManager?.getSubscription())?.unsubscribe();
  }
}

/** What the worker decrypts with. It has it only while what messages say is to be shown. */
function keysFor(userId: string, { preview }: PushOptions): PushAccount["keys"] {
  const session = storedSession(userId);
  if (!preview || session?.storageKey === undefined) return undefined;
  return { store: cryptoStorePrefix(session), key: session.storageKey };
}

/** Ends it for an account that is not in use. A server that cannot be reached hears from the push service later. */
async function turnOffOther(other: PushAccount): Promise<void> {
  await removePushAccount(other.userId);
  const session = storedSession(other.userId);
  if (session === undefined || other.pushkey === undefined) return;
  const tokens = new Tokens(session, false);
  const body = JSON.stringify(noPusher(other.pushkey));
  const headers = { Authorization: "Bearer", "Content-Type": "application/json" };
  const url = new URL("/_matrix/client/v3/pushers/set", session.homeserver);
  await tokens.fetch(url, { method: "POST", headers, body }).catch(() => undefined);
  tokens.stop();
}

/** The subscription with a server's key. One with another key belongs to accounts on another server, if there are any. */
async function subscriptionWith(
  manager: PushManager,
  vapid: string,
  userId: string,
): Promise<Subscription | undefined> {
  const present = await manager.getSubscription();
  const fits = present !== null && keyOf(present) === vapid;
  if (present !== null && !fits) {
    const others = (await pushAccounts()).filter((account) => account.userId !== userId && account.vapid !== vapid);
    if (others.length > 0) return undefined;
    await present.unsubscribe();
  }
  const subscription = fits ? present : await manager.subscribe({ userVisibleOnly: true, applicationServerKey: vapid });
  return readSubscription(subscription.toJSON());
}

function keyOf({ options }: PushSubscription): string | undefined {
  const key = options.applicationServerKey;
  if (key === null) return undefined;
  const text = btoa(String.fromCharCode(...new Uint8Array(key)));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function within<T>(time: number, work: Promise<T>): Promise<T | undefined> {
  return Promise.race([work, new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), time))]);
}
