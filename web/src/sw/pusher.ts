/** A pusher without a gateway (MSC4174), as the client and its service worker set it. */
import type { PushAccount } from "./store.ts";

export const APP_ID = "im2.web";

/** What a push service has given this browser. */
export interface Subscription {
  endpoint: string;
  p256dh: string;
  auth: string;
}

export function readSubscription({ endpoint, keys }: PushSubscriptionJSON): Subscription | undefined {
  const { p256dh, auth } = keys ?? {};
  return endpoint === undefined || p256dh === undefined || auth === undefined ? undefined : { endpoint, p256dh, auth };
}

/** The body of `POST /pushers/set`. Other accounts of this browser have the same key, and keep theirs. */
export function pusherOf({ endpoint, p256dh, auth }: Subscription, account: Pick<PushAccount, "userId" | "options">) {
  return {
    kind: "webpush",
    app_id: APP_ID,
    pushkey: p256dh,
    append: true,
    app_display_name: "IM2",
    device_display_name: "IM2 Web",
    lang: account.options.locale.slice(0, 255),
    data: {
      url: endpoint,
      auth,
      // Safari takes the permission from whoever is told something and shows nothing.
      events_only: /^(?!.*(?:Chrome|Chromium|Android)).*Safari/.test(navigator.userAgent),
      // It comes back with each message: which of the accounts here it is for.
      account: account.userId,
    },
  };
}

export function noPusher(pushkey: string) {
  return { kind: null, app_id: APP_ID, pushkey };
}
