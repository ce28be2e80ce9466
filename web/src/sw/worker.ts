/**
 * The service worker: the client starts without a network, takes what other apps share with it, and is told of messages
 * while no tab is open. It is built on its own and served as `/sw.js`; requests of the client to the server do not pass through it.
 */
/// <reference lib="webworker" />
import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  getCacheKeyForURL,
  type PrecacheEntry,
  precacheAndRoute,
} from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { CacheFirst } from "workbox-strategies";
import { importEngine, keepEngine } from "./decrypt.ts";
import { onPush, openTarget, renew } from "./push.ts";
import { changeOptions, type OptionsWord, pushAccounts } from "./store.ts";
import type { NotificationTarget } from "./target.ts";

declare const self: ServiceWorkerGlobalScope;
/** The files of the build, put in by `vite.config.ts`. */
declare const PRECACHE: PrecacheEntry[];

/** Where a share waits until the client has taken it: `viewmodels/shared.ts` reads it. */
const SHARED = "im2-shared";

precacheAndRoute(PRECACHE);
cleanupOutdatedCaches();

// A page of the client has the same document whatever its address; what the server answers itself has not.
registerRoute(
  new NavigationRoute(createHandlerBoundToURL("/index.html"), {
    denylist: [/^\/_/, /^\/\.well-known\//, /^\/health/, /^\/metrics/],
  }),
);

// What is too large to be fetched beforehand is kept once it was needed. Its name changes with its content.
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname.startsWith("/assets/"),
  new CacheFirst({ cacheName: "im2-assets" }),
);

registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname === "/share",
  ({ request }) => keepShare(request),
  "POST",
);

async function keepShare(request: Request): Promise<Response> {
  const form = await request.formData();
  const text = ["title", "text", "url"]
    .map((name) => form.get(name))
    .filter((part) => typeof part === "string" && part !== "");
  const files = form.getAll("files").filter((file): file is File => file instanceof File && file.size > 0);
  await caches.delete(SHARED);
  const cache = await caches.open(SHARED);
  const names = files.map(({ name, type }) => ({ name, type }));
  await cache.put("/shared/text", Response.json({ text: [...new Set(text)].join("\n"), names }));
  for (const [index, file] of files.entries()) await cache.put(`/shared/${index}`, new Response(file));
  return Response.redirect("/share", 303);
}

interface RoutableEvent extends ExtendableEvent {
  addRoutes?: (rules: object[]) => Promise<void>;
}

self.addEventListener("install", (event: RoutableEvent) => {
  // Requests to the server go past the worker, where the browser knows how: they need not wait for it to start.
  const past = { condition: { urlPattern: new URLPattern({ pathname: "/_matrix/*" }) }, source: "network" };
  if (event.addRoutes !== undefined) event.waitUntil(event.addRoutes([past]).catch(() => undefined));
  importEngine();
  event.waitUntil(keepEngineIfUsed().catch(() => undefined));
});

async function keepEngineIfUsed(): Promise<void> {
  if ((await pushAccounts()).some(({ keys }) => keys !== undefined)) await keepEngine();
}

self.addEventListener("push", (event) => {
  let payload: unknown;
  try {
    payload = event.data?.json();
  } catch {
    return;
  }
  event.waitUntil(onPush(payload));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target = event.notification.data as NotificationTarget | null;
  if (target !== null) event.waitUntil(openTarget(target));
});

self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(renew());
});

const PAGE = "/index.html";

/** Puts the page as the server has it now in the place of the one that was kept: its policy may have changed. */
async function renewPage(): Promise<boolean> {
  const key = getCacheKeyForURL(PAGE);
  const page = await fetch(PAGE, { cache: "reload" });
  if (key === undefined || !page.ok) return false;
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    if ((await cache.match(key)) !== undefined) await cache.put(key, page.clone());
  }
  return true;
}

self.addEventListener("message", (event) => {
  if (event.data === "skip-waiting") void self.skipWaiting();
  if (event.data === "renew-page") {
    const answer = renewPage().catch(() => false);
    event.waitUntil(answer.then((renewed) => event.ports[0]?.postMessage(renewed)));
  }
  const said = event.data as OptionsWord | string;
  if (typeof said === "object" && said.word === "options")
    event.waitUntil(changeOptions(said, (other) => other.keys).catch(() => undefined));
});
