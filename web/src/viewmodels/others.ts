/** News of the accounts that are not in use, for a dot at the switcher. */
import { Observable } from "../lib/observable.ts";
import { hasNews } from "../matrix/others.ts";
import type { WorkerWord } from "../sw/target.ts";
import { app } from "./app.ts";

/** How often the servers are asked while somebody looks, in milliseconds. What is pushed is asked for at once. */
const PERIOD = 60_000;

/** The accounts that have something new. */
export const othersWithNews = new Observable<ReadonlySet<string>>(new Set());

/** Keeps an eye on them until the returned function is called. */
export function watchOthers(): () => void {
  let stopped = false;
  const look = async () => {
    const found = await Promise.all(
      app.others.get().map(async ({ userId }) => {
        const news = (await hasNews(userId)) ?? othersWithNews.get().has(userId);
        return news ? [userId] : [];
      }),
    );
    if (!stopped) othersWithNews.set(new Set(found.flat()));
  };
  const lookIfSeen = () => {
    if (document.visibilityState === "visible" && app.others.get().length > 0) void look();
  };
  const timer = setInterval(lookIfSeen, PERIOD);
  const hear = ({ data }: MessageEvent<WorkerWord | undefined>) => {
    if (data?.kind === "pushed" && app.others.get().some(({ userId }) => userId === data.account)) void look();
  };
  const stopOthers = app.others.subscribe(() => void look());
  document.addEventListener("visibilitychange", lookIfSeen);
  navigator.serviceWorker?.addEventListener("message", hear);
  lookIfSeen();
  return () => {
    stopped = true;
    clearInterval(timer);
    stopOthers();
    document.removeEventListener("visibilitychange", lookIfSeen);
    navigator.serviceWorker?.removeEventListener("message", hear);
  };
}
