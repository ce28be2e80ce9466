/**
 * Notifications of the system while the client is open. What notifies is decided by the push rules of the account;
 * here, whether this is the moment: not for the conversation in view, not in quiet hours, once for all tabs. Where the
 * server notifies this browser as well, the service worker asks here before it shows anything (`sw/push.ts`).
 */
import { currentTranslate } from "../base/translate.ts";
import { type Preferences, preferences } from "../base/preferences.ts";
import { router } from "../base/router.ts";
import type { Translate } from "../i18n/translate.ts";
import { Observable } from "../lib/observable.ts";
import { isQuiet } from "../lib/quiet.ts";
import { bodyText } from "../lib/summary.ts";
import type { Account } from "../matrix/account.ts";
import type { Notice } from "../matrix/notices.ts";
import { type NotificationTarget, type TabWord, tagOf, type WorkerWord } from "../sw/target.ts";
import { playSound } from "./sounds.ts";

export type Permission = "default" | "granted" | "denied" | "unsupported";

export const notificationPermission = new Observable<Permission>(readPermission());

function readPermission(): Permission {
  return typeof Notification === "undefined" ? "unsupported" : Notification.permission;
}

export async function requestPermission(): Promise<void> {
  if (typeof Notification === "undefined") return;
  await Notification.requestPermission();
  notificationPermission.set(readPermission());
}

/** What a person would see and hear, to find out whether they do. */
export function showTest(t: Translate): void {
  new Notification(t("notify.test.title"), { body: t("notify.test.text"), icon: ICON, tag: "im2-test" });
  playSound(preferences.get().sound);
}

const ICON = "/icons/icon-192.png";
/** The conversation that some tab shows to somebody who is looking, for the other tabs. */
const VIEWED = "im2.viewing";
/** The tab that holds this lock rings: one sound for all. */
const LOCK = "im2.notifications";

/** How a message is told of; nothing where it is not. */
export function decide(
  notice: Pick<Notice, "roomId" | "highlight" | "sound">,
  { notify, sound, quiet }: Pick<Preferences, "notify" | "sound" | "quiet">,
  situation: { viewed: string | undefined; permission: Permission; now: number },
): { show: boolean; ring: boolean } {
  const silent = situation.viewed === notice.roomId || isQuiet(quiet, situation.now);
  return {
    show: !silent && notify === "on" && situation.permission === "granted",
    ring: !silent && sound !== "none" && (notice.sound || notice.highlight),
  };
}

export function startNotifications(account: Account): () => void {
  let leading = false;
  let release: (() => void) | undefined;
  const stopped = new AbortController();
  // Without locks every tab rings; the notifications themselves replace each other by their tag.
  if (navigator.locks === undefined) leading = true;
  else {
    navigator.locks
      .request(LOCK, { signal: stopped.signal }, () => {
        leading = true;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      })
      .catch(() => undefined);
  }
  const pushed = new PushedMessages(account);
  const tell = async (notice: Notice) => {
    const situation = { viewed: viewed(), permission: readPermission(), now: Date.now() };
    const { show, ring } = decide(notice, preferences.get(), situation);
    if (ring && leading) playSound(preferences.get().sound);
    if (show) await showNotice(account, notice, currentTranslate());
    pushed.told(notice.eventId);
  };
  const stops = [
    account.watchNotices((notice) => void tell(notice)),
    watchViewing(),
    watchPermission(),
    pushed.watch(),
    clearRead(account),
  ];
  return () => {
    for (const stop of stops) stop();
    stopped.abort();
    release?.();
  };
}

function watchPermission(): () => void {
  const update = () => notificationPermission.set(readPermission());
  let status: PermissionStatus | undefined;
  window.addEventListener("focus", update);
  // Somebody may take the permission back while the window has the focus.
  navigator.permissions
    ?.query({ name: "notifications" })
    .then((found) => {
      status = found;
      status.addEventListener("change", update);
    })
    .catch(() => undefined);
  return () => {
    window.removeEventListener("focus", update);
    status?.removeEventListener("change", update);
  };
}

/** How many events are remembered as told. */
const REMEMBERED = 200;

/** Answers the service worker, which has been pushed a message and would show it. */
class PushedMessages {
  private readonly done = new Set<string>();
  private readonly waiting = new Map<string, MessagePort>();

  constructor(private readonly account: Account) {}

  watch(): () => void {
    const { serviceWorker } = navigator;
    if (serviceWorker === undefined) return () => undefined;
    const hear = ({ data, ports: [port] }: MessageEvent<WorkerWord | undefined>) => {
      if (data?.kind === "pushed" && port !== undefined) this.answer(data, port);
    };
    serviceWorker.addEventListener("message", hear);
    return () => serviceWorker.removeEventListener("message", hear);
  }

  /** An event has been dealt with, whether or not it was shown. */
  told(eventId: string): void {
    this.done.add(eventId);
    for (const old of this.done) {
      if (this.done.size <= REMEMBERED) break;
      this.done.delete(old);
    }
    this.waiting.get(eventId)?.postMessage("done" satisfies TabWord);
    this.waiting.delete(eventId);
  }

  private answer({ account, roomId, eventId }: NotificationTarget, port: MessagePort): void {
    // A tab without a connection does not know when it will hear of it.
    if (account !== this.account.userId || this.account.status.get() !== "connected") return;
    if (viewed() === roomId || this.done.has(eventId) || this.account.hasRead(roomId, eventId)) {
      port.postMessage("done" satisfies TabWord);
      return;
    }
    this.waiting.set(eventId, port);
    port.postMessage("mine" satisfies TabWord);
  }
}

/** How long the list of conversations has to rest before notifications are compared with it, in milliseconds. */
const REST = 400;

/** Takes notifications away whose message was read, here or elsewhere. */
function clearRead(account: Account): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const clear = async () => {
    timer = undefined;
    const registration = await navigator.serviceWorker?.getRegistration();
    for (const shown of (await registration?.getNotifications?.()) ?? []) {
      const target = shown.data as NotificationTarget | null;
      if (target?.account === account.userId && account.hasRead(target.roomId, target.eventId)) shown.close();
    }
  };
  const later = () => {
    timer ??= setTimeout(() => void clear().catch(() => undefined), REST);
  };
  const stop = account.conversations.list.subscribe(later);
  later();
  return () => {
    stop();
    clearTimeout(timer);
  };
}

/** One for each conversation. Where there is a service worker it is its: then it outlives this tab. */
async function showNotice(account: Account, notice: Notice, t: Translate): Promise<void> {
  const preview = preferences.get().preview === "on";
  const body = preview ? bodyText(notice.body, notice.sender, t) : t("push.message");
  const title = notice.direct ? notice.room : t("push.title", { name: notice.sender.name, room: notice.room });
  const data: NotificationTarget = { account: account.userId, roomId: notice.roomId, eventId: notice.eventId };
  const options = { body, icon: ICON, tag: tagOf(account.userId, notice.roomId), data, silent: true };
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active && "showNotification" in registration) {
    try {
      await registration.showNotification(title, options);
      return;
    } catch {
      // The permission has gone meanwhile, or the worker has.
    }
  }
  const shown = new Notification(title, options);
  shown.onclick = () => {
    window.focus();
    router.go({ name: "room", roomId: notice.roomId });
    shown.close();
  };
}

function viewed(): string | undefined {
  return localStorage.getItem(VIEWED) ?? undefined;
}

/** Writes down which conversation is in view as long as this window has the focus. */
function watchViewing(): () => void {
  const update = () => {
    const route = router.route.get();
    const looking = document.visibilityState === "visible" && document.hasFocus();
    if (looking && route.name === "room") localStorage.setItem(VIEWED, route.roomId);
    // Another tab may have taken over: only what this one wrote is removed.
    else if (looking || written !== undefined) localStorage.removeItem(VIEWED);
    written = looking && route.name === "room" ? route.roomId : undefined;
  };
  let written: string | undefined;
  const stopRoute = router.route.subscribe(update);
  const events = ["focus", "blur", "pagehide"] as const;
  for (const event of events) window.addEventListener(event, update);
  document.addEventListener("visibilitychange", update);
  update();
  return () => {
    stopRoute();
    for (const event of events) window.removeEventListener(event, update);
    document.removeEventListener("visibilitychange", update);
    if (written !== undefined) localStorage.removeItem(VIEWED);
  };
}
