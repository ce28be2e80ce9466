/**
 * Notifications while the client is closed follow the switch for notifications on this device: they are on as long as
 * it is, and as long as the browser permits it.
 */
import { currentTranslate } from "../base/translate.ts";
import { localeOf, preferences } from "../base/preferences.ts";
import { deepEqual } from "../lib/equal.ts";
import type { Account } from "../matrix/account.ts";
import type { PushOptions } from "../sw/store.ts";
import { notificationPermission } from "./notifications.ts";

export function syncWebPush(account: Account): () => void {
  let on: boolean | undefined;
  let options: PushOptions | undefined;
  const apply = () => {
    const wanted = preferences.get().notify === "on" && notificationPermission.get() === "granted";
    const next = pushOptions();
    const changed = !deepEqual(options, next);
    options = next;
    if (wanted !== on) void (wanted ? account.webPush.turnOn(next) : account.webPush.turnOff()).catch(() => undefined);
    else if (wanted && changed) void account.webPush.change(next).catch(() => undefined);
    on = wanted;
  };
  const stops = [preferences.subscribe(apply), notificationPermission.subscribe(apply)];
  apply();
  return () => {
    for (const stop of stops) stop();
  };
}

function pushOptions(): PushOptions {
  const { language, preview, sound, quiet } = preferences.get();
  const { catalogue } = localeOf(language, navigator.languages);
  return {
    catalogue,
    locale: currentTranslate().locale,
    preview: preview === "on",
    sound: sound !== "none",
    quiet,
  };
}
