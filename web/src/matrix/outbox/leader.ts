/** Chooses one tab of several to do something; when it closes or dies, another takes over. */

const LEASE_MS = 6_000;
const RENEW_MS = 2_000;

/** Told when this tab is chosen, and when it no longer is. */
export type LeadListener = (leading: boolean) => void;

/** Asks to be chosen. The returned function gives the place up, or stops waiting for it. */
export function takeTheLead(name: string, listener: LeadListener): () => void {
  // Browsers have locks where the page is served over HTTPS, or from this computer.
  return "locks" in navigator ? byLock(name, listener) : byLease(name, listener);
}

function byLock(name: string, listener: LeadListener): () => void {
  const waiting = new AbortController();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  navigator.locks
    .request(name, { signal: waiting.signal }, () => {
      listener(true);
      return held;
    })
    .catch(() => undefined);
  return () => {
    waiting.abort();
    release();
  };
}

interface Lease {
  tab: string;
  until: number;
}

/**
 * A line in the local storage that its owner renews. Two tabs that find it expired at the same moment may both take it; the
 * transaction ids of what they send are the same, so that nothing is sent twice.
 */
export function byLease(name: string, listener: LeadListener): () => void {
  const tab = Math.random().toString(36).slice(2);
  let leading = false;
  const check = () => {
    const lease = read(name);
    const free = lease === undefined || lease.tab === tab || lease.until <= Date.now();
    if (free) localStorage.setItem(name, JSON.stringify({ tab, until: Date.now() + LEASE_MS }));
    if (free === leading) return;
    leading = free;
    listener(leading);
  };
  const release = () => {
    if (read(name)?.tab === tab) localStorage.removeItem(name);
  };
  const timer = setInterval(check, RENEW_MS);
  window.addEventListener("pagehide", release);
  check();
  return () => {
    clearInterval(timer);
    window.removeEventListener("pagehide", release);
    release();
  };
}

function read(name: string): Lease | undefined {
  try {
    const lease = JSON.parse(localStorage.getItem(name) ?? "null") as Partial<Lease> | null;
    return typeof lease?.tab === "string" && typeof lease.until === "number" ? (lease as Lease) : undefined;
  } catch {
    return undefined;
  }
}
