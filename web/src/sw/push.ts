/**
 * Notifications while no tab shows them: what the server pushes is read, fetched where it is too large, and shown, one
 * notification for a conversation. A tab that runs the client knows more, and is asked first.
 */
/// <reference lib="webworker" />
import { decrypt, keepEngine } from "./decrypt.ts";
import { REFRESH_LOCK } from "./locks.ts";
import { describe, isMoment, type PushedEvent, type PushMessage, readPush } from "./notice.ts";
import { APP_ID, noPusher, pusherOf, readSubscription } from "./pusher.ts";
import { type NotificationTarget, type TabWord, tagOf, type WorkerWord } from "./target.ts";
import { type PushAccount, pushAccount, pushAccounts, updatePushAccount } from "./store.ts";

declare const self: ServiceWorkerGlobalScope;

const ICON = "/icons/icon-192.png";
/** How long a tab may take to answer; one that is frozen never does. In milliseconds. */
const PATIENCE = 700;
/** How long a tab that takes care of a message may take to do so: the sync has to bring it first. */
const TOLD_WITHIN = 4_000;
/** How long a notification waits for the text of an encrypted message; it is put in later if it takes longer. */
const TEXT_WITHIN = 4_000;
/** How long before its end a token is exchanged, at most; of a short life, a quarter. */
const MARGIN = 60_000;

export async function onPush(payload: unknown): Promise<void> {
  const message = readPush(payload);
  if (message === undefined) return;
  if (message.kind === "activation") return acknowledge(message.appId, message.token);
  const account = await accountOf(message);
  if (account === undefined) return;
  await countUnread(account, message.unread);
  if (message.kind === "counts") await tidy(account, message.unread);
  else await tell(account, message);
}

/** The account that a message is for. One that lost this for its length is for the only account, or for whoever knows it. */
async function accountOf(message: Exclude<PushMessage, { kind: "activation" }>): Promise<PushAccount | undefined> {
  const accounts = await pushAccounts();
  const named = accounts.find(({ userId }) => userId === message.userId);
  if (named !== undefined || accounts.length <= 1) return named ?? accounts[0];
  if (message.kind === "counts") return undefined;
  for (const account of accounts) if ((await eventOf(account, message)) !== undefined) return account;
  return undefined;
}

/** Tells the server that its messages arrive. Which account has asked is not said. */
async function acknowledge(appId: string, token: string): Promise<void> {
  if (appId !== APP_ID) return;
  const accounts = await pushAccounts();
  for (const account of accounts) {
    const body = { app_id: appId, ack_token: token };
    const answer = await ask(account, "/v3/pushers/ack", body).catch(() => undefined);
    if (answer?.ok === true) break;
  }
  if (accounts.some(({ keys }) => keys !== undefined)) await keepEngine().catch(() => undefined);
}

async function tell(account: PushAccount, message: Extract<PushMessage, { kind: "event" }>): Promise<void> {
  const { roomId, eventId } = message;
  if (!isMoment(account.options, Date.now())) return;
  const { userId } = account;
  if (await isToldByTab({ kind: "pushed", account: userId, roomId, eventId })) return;
  let { event } = message;
  if (event.content === undefined || event.sender === undefined) {
    event = { ...event, ...(await eventOf(account, message)) };
  }
  const reading = event.type === "m.room.encrypted" ? clearOf(account, message, event) : undefined;
  const soon = await Promise.race([reading, after(TEXT_WITHIN)]);
  await show(account, message, { ...event, ...soon });
  if (reading === undefined || soon !== undefined) return;
  const late = await reading;
  // Unless it was put away meanwhile, or another message has come.
  const shown = await self.registration.getNotifications({ tag: tagOf(userId, roomId) });
  const isThere = shown.some(({ data }) => (data as NotificationTarget).eventId === eventId);
  if (late !== undefined && isThere) await show(account, { ...message, sound: false }, { ...event, ...late });
}

async function show(
  account: PushAccount,
  { roomId, eventId, sound }: Extract<PushMessage, { kind: "event" }>,
  event: PushedEvent,
): Promise<void> {
  const { userId } = account;
  const { title, body } = describe(event, account.options);
  const data: NotificationTarget = { account: userId, roomId, eventId };
  const silent = !sound || !account.options.sound;
  const options: NotificationOptions & { renotify?: boolean } = {
    body,
    tag: tagOf(userId, roomId),
    data,
    icon: ICON,
    silent,
    renotify: !silent,
  };
  await self.registration.showNotification(title, options);
}

async function clearOf(
  account: PushAccount,
  { roomId, eventId }: { roomId: string; eventId: string },
  { type, sender, content }: PushedEvent,
): Promise<Pick<PushedEvent, "type" | "content"> | undefined> {
  if (sender === undefined || content === undefined) return undefined;
  const event = { type, sender, content, event_id: eventId };
  const clear = await decrypt(account, roomId, event).catch(() => undefined);
  return clear === undefined ? undefined : { type: clear.type, content: clear.content };
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function eventOf(
  account: PushAccount,
  { roomId, eventId }: { roomId: string; eventId: string },
): Promise<PushedEvent | undefined> {
  const path = `/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`;
  const answer = await ask(account, path).catch(() => undefined);
  if (answer?.ok !== true) return undefined;
  const { type, sender, content } = (await answer.json()) as PushedEvent;
  return { type, sender, content };
}

async function countUnread(account: PushAccount, unread: number | undefined): Promise<void> {
  await updatePushAccount(account, { unread: unread ?? 0 });
  const total = (await pushAccounts()).reduce((sum, { unread: count = 0 }) => sum + count, 0);
  const navigator: Partial<WorkerNavigator> = self.navigator;
  // Only installed apps have a badge, and browsers that know none reject.
  const badge = total > 0 ? navigator.setAppBadge?.(total) : navigator.clearAppBadge?.();
  await badge?.catch(() => undefined);
}

/** Takes away what was read elsewhere. The count may be older than what is shown: the server says what is unread now. */
async function tidy(account: PushAccount, unread: number): Promise<void> {
  const prefix = tagOf(account.userId, "");
  const shown = (await self.registration.getNotifications()).filter(({ tag }) => tag.startsWith(prefix));
  if (shown.length === 0) return;
  const stillUnread = (await unreadRooms(account)) ?? (unread === 0 ? new Set<string>() : undefined);
  if (stillUnread === undefined) return;
  for (const notification of shown) {
    const { roomId } = notification.data as NotificationTarget;
    if (!stillUnread.has(roomId)) notification.close();
  }
}

interface Notified {
  room_id: string;
  read: boolean;
}

async function unreadRooms(account: PushAccount): Promise<Set<string> | undefined> {
  const answer = await ask(account, "/v3/notifications?limit=100").catch(() => undefined);
  if (answer?.ok !== true) return undefined;
  const { notifications } = (await answer.json()) as { notifications: Notified[] };
  return new Set(notifications.filter(({ read }) => !read).map(({ room_id }) => room_id));
}

/** Whether a tab takes care of a message. Only the one that runs the client answers. */
async function isToldByTab(word: WorkerWord): Promise<boolean> {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const answers = await Promise.all(tabs.map((tab) => askTab(tab, word)));
  return answers.includes(true);
}

function askTab(tab: Client, word: WorkerWord): Promise<boolean> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    let timer = setTimeout(() => resolve(false), PATIENCE);
    port1.onmessage = ({ data }: MessageEvent<TabWord>) => {
      clearTimeout(timer);
      if (data === "mine") timer = setTimeout(() => resolve(false), TOLD_WITHIN);
      else resolve(true);
    };
    tab.postMessage(word, [port2]);
  });
}

/** Opens the conversation of a notification: in a tab of the client, or in a new one. */
export async function openTarget({ account, roomId }: NotificationTarget): Promise<void> {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab =
    tabs.find(({ focused }) => focused) ?? tabs.find(({ visibilityState }) => visibilityState === "visible") ?? tabs[0];
  if (tab === undefined) {
    const address = `/room/${encodeURIComponent(roomId)}?account=${encodeURIComponent(account)}`;
    await self.clients.openWindow(address);
    return;
  }
  tab.postMessage({ kind: "open", account, roomId } satisfies WorkerWord);
  await tab.focus().catch(() => undefined);
}

/** The push service has given the subscription up: another one takes its place. */
export async function renew(): Promise<void> {
  const { pushManager } = self.registration;
  const [first, ...rest] = await pushAccounts();
  if (first === undefined) return;
  const subscription =
    (await pushManager.getSubscription()) ??
    (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: first.vapid }));
  const found = readSubscription(subscription.toJSON());
  if (found === undefined) return;
  for (const account of [first, ...rest.filter(({ vapid }) => vapid === first.vapid)]) {
    const { pushkey } = account;
    await ask(account, "/v3/pushers/set", pusherOf(found, account));
    if (pushkey !== undefined && pushkey !== found.p256dh) await ask(account, "/v3/pushers/set", noPusher(pushkey));
    await updatePushAccount(account, { pushkey: found.p256dh });
  }
}

/** A request as an account; with a body it is a POST. A token that has expired is exchanged. */
async function ask(account: PushAccount, path: string, body?: object): Promise<Response> {
  const request = ({ accessToken }: PushAccount) =>
    fetch(new URL(`/_matrix/client${path}`, account.homeserver), {
      method: body === undefined ? "GET" : "POST",
      headers: { Authorization: `Bearer ${accessToken}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  const known = (await pushAccount(account.userId)) ?? account;
  const { expiresAt = Number.POSITIVE_INFINITY, lifetime = Number.POSITIVE_INFINITY } = known;
  const due = Date.now() > expiresAt - Math.min(MARGIN, lifetime / 4);
  const used = due ? ((await exchange(known)) ?? known) : known;
  const answer = await request(used);
  if (answer.status !== 401) return answer;
  const next = await exchange(used);
  return next === undefined ? answer : request(next);
}

/** Exchanges the token of an account, one at a time with the tabs; nothing where that does not work. */
function exchange(used: PushAccount): Promise<PushAccount | undefined> {
  const work = async () => {
    const stored = await pushAccount(used.userId);
    if (stored === undefined || stored.deviceId !== used.deviceId) return undefined;
    // A tab has been quicker.
    if (stored.accessToken !== used.accessToken) return stored;
    if (stored.refreshToken === undefined) return undefined;
    const answer = await fetch(new URL("/_matrix/client/v3/refresh", stored.homeserver), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: stored.refreshToken }),
    });
    if (!answer.ok) return undefined;
    const { access_token, refresh_token, expires_in_ms } = (await answer.json()) as {
      access_token?: unknown;
      refresh_token?: string;
      expires_in_ms?: number;
    };
    if (typeof access_token !== "string") return undefined;
    const tokens = {
      accessToken: access_token,
      refreshToken: refresh_token ?? stored.refreshToken,
      expiresAt: expires_in_ms === undefined ? undefined : Date.now() + expires_in_ms,
      lifetime: expires_in_ms,
    };
    // What a tab has stored meanwhile of how to notify stays.
    await updatePushAccount(stored, tokens);
    return { ...stored, ...tokens };
  };
  const { locks } = self.navigator as Partial<WorkerNavigator>;
  return locks === undefined ? work() : locks.request(REFRESH_LOCK, work);
}
