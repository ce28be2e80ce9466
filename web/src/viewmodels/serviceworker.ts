/** Installs the service worker, and says when a new version of the client waits. */
import { Observable } from "../lib/observable.ts";

const SCRIPT = "/sw.js";
/** How often an open client looks for a new version, in milliseconds. */
const PERIOD = 60 * 60_000;

/** The new version, as long as it waits to take over. */
export const waitingVersion = new Observable<ServiceWorker | undefined>(undefined);

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

export function installServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  // After the first screen: it fetches the whole client for later.
  if (document.readyState === "complete") void install();
  else window.addEventListener("load", () => void install());
}

async function install(): Promise<void> {
  const { serviceWorker } = navigator;
  try {
    const registration = await serviceWorker.register(scriptUrl(), { updateViaCache: "imports" });
    const watch = (worker: ServiceWorker | null) => {
      worker?.addEventListener("statechange", () => {
        // Without a controller it is the first version, which nothing has to be told about.
        if (worker.state === "installed" && serviceWorker.controller !== null) waitingVersion.set(worker);
      });
    };
    if (registration.waiting !== null && serviceWorker.controller !== null) waitingVersion.set(registration.waiting);
    watch(registration.installing);
    registration.addEventListener("updatefound", () => watch(registration.installing));
    setInterval(() => void registration.update().catch(() => undefined), PERIOD);
  } catch (error) {
    // A private window, or a browser that keeps nothing: the client works, only not without a network.
    console.warn("the client cannot be kept for use without a network", error);
  }
}

/** Lets the new version take over, in every tab. */
export function takeNewVersion(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => window.location.reload(), { once: true });
  waitingVersion.get()?.postMessage("skip-waiting");
}

/** How long the worker may take to fetch the page anew, in milliseconds. */
const RENEWING = 10_000;

/** Has the page fetched from the server again, whose policy has changed, and loads it. */
export async function renewPage(): Promise<void> {
  const worker = navigator.serviceWorker?.controller;
  if (worker == null) return;
  const { port1, port2 } = new MessageChannel();
  const renewed = await new Promise<boolean>((resolve) => {
    port1.onmessage = ({ data }) => resolve(data === true);
    setTimeout(() => resolve(false), RENEWING);
    worker.postMessage("renew-page", [port2]);
  });
  if (renewed) window.location.reload();
}

// Another tab has let the new version take over: the files of the old one are gone.
if ("serviceWorker" in navigator && navigator.serviceWorker.controller !== null) {
  navigator.serviceWorker.addEventListener("controllerchange", () => window.location.reload(), { once: true });
}

/** The content security policy lets nothing but this script become a worker here. */
function scriptUrl(): string {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  return (
    trustedTypes?.createPolicy("im2-service-worker", { createScriptURL: () => SCRIPT }).createScriptURL("") ?? SCRIPT
  );
}
