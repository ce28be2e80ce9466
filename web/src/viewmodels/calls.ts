/** What the client shows of calls, and what one can do there. One model for each account, as long as it is open. */
import { currentTranslate } from "../base/translate.ts";
import { preferences } from "../base/preferences.ts";
import { router } from "../base/router.ts";
import { Observable } from "../lib/observable.ts";
import { isQuiet } from "../lib/quiet.ts";
import type { Account } from "../matrix/account.ts";
import type { Calls } from "../matrix/calls/calls.ts";
import type { CallSession } from "../matrix/calls/session.ts";
import type { JoinOptions, Ring } from "../matrix/calls/types.ts";
import { type CallSound, callSound } from "./callSound.ts";
import { startRinging } from "./ringing.ts";
import { attempt, showToast } from "./toasts.ts";

/** How a call is shown: over the conversation, with the chat beside it, or as a bar. */
export type CallShape = "window" | "beside" | "bar";

/** What waits for somebody to decide it: the devices to join with, or which of two calls. */
export interface Prejoin {
  roomId: string;
  video: boolean;
}

/** How long one reads how a call ended before it goes, in milliseconds. */
const END_SHOWN = 5_000;

export class CallsModel {
  readonly shape = new Observable<CallShape>("window");
  readonly prejoin = new Observable<Prejoin | undefined>(undefined);
  /** A call to be joined while one is in another. */
  readonly switching = new Observable<Prejoin | undefined>(undefined);
  /** What is needed to join is being loaded. */
  readonly joining = new Observable<string | undefined>(undefined);

  constructor(
    private readonly account: Account,
    readonly calls: Calls,
  ) {}

  /** Begins or joins the call of a room: in a direct chat at once, elsewhere after a look at one's devices. */
  call(roomId: string, video: boolean): void {
    const current = this.calls.current.get();
    if (current === undefined || current.state.get().phase === "ended") this.callNow(roomId, video);
    else if (current.roomId === roomId) this.show(roomId);
    else this.switching.set({ roomId, video });
  }

  callNow(roomId: string, video: boolean): void {
    this.switching.set(undefined);
    const direct = this.account.conversations.get(roomId)?.direct === true;
    if (direct) void this.join(roomId, { microphone: true, camera: video, ring: true });
    else this.prejoin.set({ roomId, video });
  }

  async join(roomId: string, options: Omit<JoinOptions, keyof CallSound>): Promise<void> {
    this.prejoin.set(undefined);
    this.joining.set(roomId);
    this.shape.set("window");
    router.go({ name: "room", roomId });
    const joined = await this.calls.join(roomId, { ...options, ...callSound.get() }).catch((error: unknown) => {
      console.error(error);
      showToast({ tone: "problem", message: { key: "call.failed.load" } });
      return undefined;
    });
    this.joining.set(undefined);
    if (joined !== undefined) this.watchEnd(joined);
  }

  async accept(ring: Ring, video: boolean): Promise<void> {
    await this.join(ring.roomId, { microphone: true, camera: video, ring: false });
  }

  async decline(ring: Ring, message?: string): Promise<void> {
    await attempt(() => this.calls.decline(ring, message));
  }

  async hangUp(session: CallSession): Promise<void> {
    this.calls.dismiss(session);
    await attempt(() => session.leave());
  }

  /** Shows the call over its conversation. */
  show(roomId: string): void {
    this.shape.set("window");
    router.go({ name: "room", roomId });
  }

  /** The call goes by itself once one has read how it ended. */
  private watchEnd(session: CallSession): void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const check = () => {
      const { phase, end } = session.state.get();
      if (phase !== "ended" || timer !== undefined) return;
      const wait = end?.how === "left" ? 0 : END_SHOWN;
      timer = setTimeout(() => {
        stop();
        this.calls.dismiss(session);
      }, wait);
    };
    const stop = session.state.subscribe(check);
    check();
  }
}

const models = new WeakMap<Calls, CallsModel>();

export function callsModel(account: Account, calls: Calls): CallsModel {
  let found = models.get(calls);
  if (found === undefined) {
    found = new CallsModel(account, calls);
    models.set(calls, found);
  }
  return found;
}

/** Rings, by sound and where nobody is looking by the system, while there is something that rings. */
export function watchRings({ rings, current }: Calls): () => void {
  let stopSound: (() => void) | undefined;
  const shown = new Map<string, Notification>();
  const update = () => {
    const list = rings.list.get();
    const { sound, quiet } = preferences.get();
    const inCall = current.get() !== undefined;
    const rang = list.length > 0 && sound !== "none" && !inCall && !isQuiet(quiet, Date.now());
    if (rang && stopSound === undefined) stopSound = startRinging("incoming");
    if (!rang) {
      stopSound?.();
      stopSound = undefined;
    }
    for (const [id, notification] of shown) {
      if (list.some((ring) => ring.id === id)) continue;
      notification.close();
      shown.delete(id);
    }
    for (const ring of list) if (!shown.has(ring.id)) notify(ring, shown);
  };
  const stops = [rings.list.subscribe(update), current.subscribe(update)];
  update();
  return () => {
    for (const stop of stops) stop();
    stopSound?.();
    for (const notification of shown.values()) notification.close();
  };
}

function notify(ring: Ring, shown: Map<string, Notification>): void {
  if (!document.hidden || typeof Notification === "undefined" || Notification.permission !== "granted") return;
  if (preferences.get().notify !== "on") return;
  const t = currentTranslate();
  const title = t(ring.video ? "call.ring.video" : "call.ring.voice", { name: ring.caller.name });
  const body = ring.direct ? undefined : t("call.ring.in", { room: ring.room });
  try {
    const notification = new Notification(title, { body, icon: "/icons/icon-192.png", tag: ring.id, silent: true });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    shown.set(ring.id, notification);
  } catch {
    // Some systems show none from a page.
  }
}
