/** How views read view models, messages and preferences. */
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { en } from "../i18n/en.ts";
import { type Translate, translator } from "../i18n/translate.ts";
import { zh } from "../i18n/zh.ts";
import type { Readable } from "../lib/observable.ts";
import { startOfDay } from "../lib/time.ts";
import type { Account } from "../matrix/account.ts";
import type { Mxc } from "../matrix/types.ts";
import type { ThumbnailSize } from "../matrix/media.ts";
import { localeOf, preferences } from "./preferences.ts";

export function useReadable<T>(source: Readable<T>): T {
  return useSyncExternalStore(source.subscribe, source.get);
}

const CATALOGUES = { en, zh };
const translators = new Map<string, Translate>();

/** Messages in the chosen language, outside of a view. */
export function currentTranslate(): Translate {
  const { catalogue, locale } = localeOf(preferences.get().language, navigator.languages);
  let found = translators.get(catalogue + locale);
  if (found === undefined) {
    found = translator(CATALOGUES[catalogue], locale);
    translators.set(catalogue + locale, found);
  }
  return found;
}

export function useT(): Translate {
  useReadable(preferences);
  return currentTranslate();
}

export const AccountContext = createContext<Account | undefined>(undefined);

export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (account === undefined) throw new Error("this view belongs inside a signed-in client");
  return account;
}

/** The moment, renewed at midnight and every minute: for relative times. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Like {@link useNow}, for what changes only with the day. */
export function useToday(): number {
  return startOfDay(useNow());
}

export type MediaState = { status: "loading" } | { status: "ready"; url: string } | { status: "failed" };

const LOADING: MediaState = { status: "loading" };

/** The object URL of a picture, kept in the cache as long as a view shows it. */
export function useMedia(mxc: Mxc | undefined, size?: ThumbnailSize): MediaState {
  const { media } = useAccount();
  const { width, height, method } = size ?? {};
  const key = useMemo(() => {
    if (mxc === undefined) return undefined;
    if (width === undefined || height === undefined || method === undefined) return media.downloadKey(mxc);
    return media.thumbnailKey(mxc, { width, height, method });
  }, [media, mxc, width, height, method]);
  const [state, setState] = useState<{ key: string; media: MediaState }>();
  useEffect(() => {
    if (key === undefined) return;
    let current = true;
    media.acquire(key).then(
      (url) => current && setState({ key, media: { status: "ready", url } }),
      () => current && setState({ key, media: { status: "failed" } }),
    );
    return () => {
      current = false;
      media.release(key);
    };
  }, [media, key]);
  if (key === undefined) return { status: "failed" };
  return state?.key === key ? state.media : LOADING;
}

/** Closes a layer by Escape. The layer opened last hears it first. */
const layers: (() => void)[] = [];

export function useEscape(active: boolean, close: () => void): void {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    if (!active) return;
    const layer = () => latest.current();
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, [active]);
}

window.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
  // A dialog closes by itself.
  if (document.querySelector("dialog[open]") !== null) return;
  const top = layers.at(-1);
  if (top === undefined) return;
  event.preventDefault();
  top();
});

export function useMediaQuery(query: string): boolean {
  const list = useMemo(() => window.matchMedia(query), [query]);
  return useSyncExternalStore(
    (listener) => {
      list.addEventListener("change", listener);
      return () => list.removeEventListener("change", listener);
    },
    () => list.matches,
  );
}

/** One pane at a time. */
export function usePhone(): boolean {
  return useMediaQuery("(max-width: 720px)");
}
