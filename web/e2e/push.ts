/**
 * A push service on this machine, and a browser that has subscribed to it: headless browsers reach none. What the server
 * sends there is decrypted with the keys of the subscription (RFC 8291) and handed to the real service worker.
 */
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type BrowserContext, type CDPSession, expect, type Page, type Worker } from "@playwright/test";

export interface Pushed {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export class PushService {
  readonly received: Pushed[] = [];
  private readonly keys = createECDH("prime256v1");
  private readonly auth = randomBytes(16);
  private readonly server: Server;
  private taken = 0;

  constructor() {
    this.keys.generateKeys();
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        this.received.push({ headers: request.headers, body: Buffer.concat(parts) });
        response.writeHead(201).end();
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  get publicKey(): string {
    return this.keys.getPublicKey().toString("base64url");
  }

  /** What a browser would have been given. */
  subscription(path: string) {
    const { port } = this.server.address() as AddressInfo;
    const keys = { p256dh: this.publicKey, auth: this.auth.toString("base64url") };
    return { endpoint: `http://127.0.0.1:${port}/${path}`, expirationTime: null, keys };
  }

  /** The next message, as the browser would hand it to the service worker. */
  async next(): Promise<string> {
    await expect.poll(() => this.received.length, { timeout: 30_000 }).toBeGreaterThan(this.taken);
    return this.decrypt(this.received[this.taken++]?.body ?? Buffer.alloc(0));
  }

  /** The next message that tells of an event; how many are unread may be told at any time before. */
  async nextEvent(): Promise<string> {
    for (;;) {
      const data = await this.next();
      const { notification } = JSON.parse(data) as { notification?: { event_id?: string } };
      if (notification?.event_id !== undefined) return data;
    }
  }

  get waiting(): number {
    return this.received.length - this.taken;
  }

  /** One record of RFC 8188, with the keys of RFC 8291. */
  decrypt(message: Buffer): string {
    const salt = message.subarray(0, 16);
    expect(message.readUInt8(20)).toBe(65);
    const theirs = message.subarray(21, 86);
    const record = message.subarray(86);
    const info = Buffer.concat([Buffer.from("WebPush: info\0"), this.keys.getPublicKey(), theirs]);
    const secret = hkdfSync("sha256", this.keys.computeSecret(theirs), this.auth, info, 32);
    const derive = (name: string, length: number) =>
      Buffer.from(hkdfSync("sha256", Buffer.from(secret), salt, `Content-Encoding: ${name}\0`, length));
    const decipher = createDecipheriv("aes-128-gcm", derive("aes128gcm", 16), derive("nonce", 12));
    decipher.setAuthTag(record.subarray(-16));
    const text = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
    expect(text.at(-1), "the mark of the last record").toBe(2);
    return text.subarray(0, -1).toString("utf8");
  }
}

/** Has a browser find this push service, in its pages from now on. What it has been asked for is in the local storage. */
export async function subscribeTo(context: BrowserContext, service: PushService): Promise<void> {
  await context.addInitScript((subscription) => {
    const KEY = "test.push";
    const current = () => {
      const vapid = localStorage.getItem(KEY);
      if (vapid === null) return null;
      const bytes = Uint8Array.from(atob(vapid.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
      return {
        ...subscription,
        options: { userVisibleOnly: true, applicationServerKey: bytes.buffer },
        toJSON: () => subscription,
        unsubscribe: async () => {
          localStorage.removeItem(KEY);
          return true;
        },
      };
    };
    Object.assign(PushManager.prototype, {
      getSubscription: async () => current(),
      subscribe: async ({ userVisibleOnly, applicationServerKey }: PushSubscriptionOptionsInit) => {
        if (userVisibleOnly !== true) throw new Error("browsers want a promise");
        localStorage.setItem(KEY, String(applicationServerKey));
        return current();
      },
    });
  }, service.subscription("first"));
}

export interface Shown {
  title: string;
  body: string;
  silent: boolean | null;
}

/** The service worker of a browser, as the push service and the person reach it. */
export class Background {
  private constructor(
    private readonly worker: Worker,
    private readonly cdp: CDPSession,
    private readonly registrationId: string,
    private readonly origin: string,
    /** A page that shows nothing of the client: the browser stays open. */
    readonly blank: Page,
  ) {}

  static async of(page: Page): Promise<Background> {
    const context = page.context();
    const origin = new URL(page.url()).origin;
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    const blank = await context.newPage();
    const cdp = await context.newCDPSession(blank);
    const registered = new Promise<string>((resolve) => {
      cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const found = registrations.find(({ scopeURL }) => scopeURL.startsWith(origin));
        if (found !== undefined) resolve(found.registrationId);
      });
    });
    await cdp.send("ServiceWorker.enable");
    const [worker] = context.serviceWorkers();
    if (worker === undefined) throw new Error("there is no service worker");
    await worker.evaluate(() => {
      const scope = self as unknown as EventTarget & { pushes: number };
      scope.pushes = 0;
      scope.addEventListener("push", () => scope.pushes++);
    });
    return new Background(worker, cdp, await registered, origin, blank);
  }

  /** Hands a message to the worker. The browser's tools say nothing where that fails: then it is handed over again. */
  async push(data: string): Promise<void> {
    const { origin, registrationId } = this;
    const before = await this.pushes();
    await expect(async () => {
      if ((await this.pushes()) === before)
        await this.cdp.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data });
      await expect.poll(() => this.pushes(), { timeout: 2_000, intervals: [20, 50, 100] }).toBeGreaterThan(before);
    }).toPass({ timeout: 15_000 });
  }

  private pushes(): Promise<number> {
    return this.worker.evaluate(() => (self as unknown as { pushes: number }).pushes);
  }

  async shown(): Promise<Shown[]> {
    return this.worker.evaluate(async () => {
      const { registration } = self as unknown as { registration: ServiceWorkerRegistration };
      const all = await registration.getNotifications();
      return all
        .map(({ title, body, silent }) => ({ title, body, silent }))
        .sort((a, b) => (a.title < b.title ? -1 : 1));
    });
  }

  /** A press on the notification with this title; answers with the address that would be opened, if it is a new one. */
  async press(title: string): Promise<string | undefined> {
    return this.worker.evaluate(async (wanted) => {
      const scope = self as unknown as {
        registration: ServiceWorkerRegistration;
        clients: { openWindow: unknown };
        NotificationEvent: new (type: string, init: { notification: Notification }) => Event;
      };
      // Without a real press the browser opens no window.
      let opened: string | undefined;
      Object.defineProperty(scope.clients, "openWindow", {
        configurable: true,
        value: async (url: string) => {
          opened = url;
          return null;
        },
      });
      const notification = (await scope.registration.getNotifications()).find((shown) => shown.title === wanted);
      if (notification === undefined) throw new Error(`nothing is called ${wanted}`);
      self.dispatchEvent(new scope.NotificationEvent("notificationclick", { notification }));
      await new Promise((resolve) => setTimeout(resolve, 300));
      return opened;
    }, title);
  }

  /** Notes the numbers on the icon of the installed app, which nobody sees here. */
  async watchBadge(): Promise<() => Promise<number[]>> {
    await this.worker.evaluate(() => {
      const badges: number[] = [];
      Object.assign(self, { badges });
      Object.assign(Object.getPrototypeOf(self.navigator), {
        setAppBadge: async (count: number) => void badges.push(count),
        clearAppBadge: async () => void badges.push(0),
      });
    });
    return () => this.worker.evaluate(() => (self as unknown as { badges: number[] }).badges);
  }

  /** The push service gives another subscription and says that the old one has ended. */
  async renew(subscription: object): Promise<void> {
    await this.worker.evaluate((next) => {
      Object.assign((self as unknown as { PushManager: { prototype: object } }).PushManager.prototype, {
        getSubscription: async () => null,
        subscribe: async () => ({ toJSON: () => next }),
      });
      self.dispatchEvent(new ExtendableEvent("pushsubscriptionchange"));
    }, subscription);
  }
}

declare class ExtendableEvent extends Event {}
