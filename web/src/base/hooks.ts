/** How views read view models, messages and preferences. */
import { createContext, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Translate } from "../i18n/translate.ts";
import { isComposing } from "../lib/keys.ts";
import type { Readable } from "../lib/observable.ts";
import { startOfDay } from "../lib/time.ts";
import type { Account } from "../matrix/account.ts";
import type { MatrixHttpError } from "../matrix/errors.ts";
import type { Mxc } from "../matrix/types.ts";
import type { ThumbnailSize } from "../matrix/media.ts";

export function useReadable<T>(source: Readable<T>): T {
  return useSyncExternalStore(source.subscribe, source.get, source.get);
}

/** A part of what a source has: the view renders again only when that part changes. */
export function useSelected<T, P extends string | number | boolean | undefined>(
  source: Readable<T>,
  select: (value: T) => P,
): P {
  const get = () => select(source.get());
  return useSyncExternalStore(source.subscribe, get, get);
}

/** The words of the client for all views below; {@link useT} reads them. */
export const WordsContext = createContext<Translate | undefined>(undefined);

/** In hundreds of views of one frame: they hear of another language from the context, not each by itself. */
export function useT(): Translate {
  const words = useContext(WordsContext);
  if (words === undefined) throw new Error("this view belongs inside of `Words`");
  return words;
}

/** A part of what a source has that keeps its identity until it changes, such as one entry of a list. */
export function useFound<T, P>(source: Readable<T>, find: (value: T) => P | undefined): P | undefined {
  const get = () => find(source.get());
  return useSyncExternalStore(source.subscribe, get, get);
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

export type MediaState =
  | { status: "loading" }
  /** `onError` is for the element that shows it: what has arrived may be no picture. */
  | { status: "ready"; url: string; onError: () => void }
  /** `gone`: the server does not have it, and will not have it later. `broken`: it is here, and cannot be shown. */
  | { status: "failed"; gone?: boolean; broken?: true };

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
    const onError = () => setState({ key, media: { status: "failed", broken: true } });
    media.acquire(key).then(
      (url) => current && setState({ key, media: { status: "ready", url, onError } }),
      ({ status }: Partial<MatrixHttpError>) =>
        current && setState({ key, media: { status: "failed", gone: status === 404 } }),
    );
    return () => {
      current = false;
      media.release(key);
    };
  }, [media, key]);
  if (key === undefined) return { status: "failed" };
  return state?.key === key ? state.media : LOADING;
}

/**
 * Leaves a mode of the page by Escape: a reply, a selection, a drawer. The mode entered last hears it first, and only
 * when no menu, popover or dialog has taken the key for itself.
 */
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
  if (event.key !== "Escape" || event.defaultPrevented || isComposing(event)) return;
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

export function useReducedMotion(): boolean {
  return useMediaQuery("(prefers-reduced-motion: reduce)");
}

/** One pane at a time. */
export function usePhone(): boolean {
  return useMediaQuery("(max-width: 720px)");
}
