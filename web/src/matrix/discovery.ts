/**
 * Finds a homeserver by the name that people know it by (spec: "Well-known URIs"), and says why it cannot be used where
 * that is so. A page connects only to the servers that its own server allows (`web.homeservers`); which they are stands
 * in the content security policy that it is served with.
 */
import { ProblemError } from "./errors.ts";
import { defaultHomeserver } from "./session.ts";

/** How long a server may take to answer. */
const PATIENCE_MS = 15_000;

interface WellKnown {
  "m.homeserver"?: { base_url?: unknown };
}

/** The address of the homeserver of `example.org`, or of an address that is given in full. */
export async function discover(text: string): Promise<string> {
  const origin = originOf(text);
  if (origin === undefined) throw new ProblemError({ kind: "server-name" });
  const sources = await connectSources();
  if (!isAllowed(origin, sources)) throw new ProblemError({ kind: "server-blocked" });
  const base = (await wellKnown(origin)) ?? origin;
  if (!isAllowed(base, sources)) throw new ProblemError({ kind: "server-blocked" });
  const answer = await get(new URL("/_matrix/client/versions", base));
  const { versions } = (answer?.ok === true ? await answer.json().catch(() => ({})) : {}) as { versions?: unknown };
  if (!Array.isArray(versions)) {
    throw new ProblemError({ kind: answer === undefined ? "server-unreachable" : "server-no-matrix" });
  }
  if (base !== defaultHomeserver() && !(await takesPasswords(base))) {
    throw new ProblemError({ kind: "server-no-password" });
  }
  return base;
}

/** Some servers sign in through a page of their own only, which this client does not offer. */
async function takesPasswords(base: string): Promise<boolean> {
  const answer = await get(new URL("/_matrix/client/v3/login", base));
  const { flows } = (answer?.ok === true ? await answer.json().catch(() => ({})) : {}) as {
    flows?: { type?: unknown }[];
  };
  return !Array.isArray(flows) || flows.some(({ type }) => type === "m.login.password");
}

/** `example.org`, `https://matrix.example.org`, or the server of `@ana:example.org`. */
export function originOf(text: string): string | undefined {
  const name = text.trim().replace(/^@[^:]*:/, "");
  try {
    const url = new URL(/^https?:\/\//i.test(name) ? name : `https://${name}`);
    // Some browsers take anything for a host, and encode it.
    const isHost = /^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?|\[[0-9a-f:.]+\])$/i.test(url.hostname);
    return isHost && url.username === "" && url.password === "" ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

/** What the server's domain says about its address; nothing where it says nothing. */
async function wellKnown(origin: string): Promise<string | undefined> {
  const answer = await get(new URL("/.well-known/matrix/client", origin));
  if (answer?.ok !== true) return undefined;
  const said = (await answer.json().catch(() => undefined)) as WellKnown | undefined;
  const base = said?.["m.homeserver"]?.base_url;
  const found = typeof base === "string" ? originOf(base) : undefined;
  // Somebody has set it up, and wrongly: guessing would lead to another server than they meant.
  if (found === undefined) throw new ProblemError({ kind: "server-broken" });
  return found;
}

async function get(url: URL): Promise<Response | undefined> {
  let refused = false;
  const hear = ({ effectiveDirective, blockedURI }: SecurityPolicyViolationEvent) => {
    if (effectiveDirective === "connect-src" && blockedURI.startsWith(url.origin)) refused = true;
  };
  document.addEventListener("securitypolicyviolation", hear);
  try {
    return await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    // The event comes after the failure.
    await new Promise((resolve) => setTimeout(resolve, 50));
    // The server would allow it: this page is one that was kept from before.
    if (refused) throw new ProblemError({ kind: "page-outdated" });
    return undefined;
  } finally {
    document.removeEventListener("securitypolicyviolation", hear);
  }
}

/** Where this page may connect to; nothing where there is no policy, as while developing. */
export async function connectSources(): Promise<readonly string[] | undefined> {
  const answer = await fetch("/", { method: "HEAD", cache: "no-store" }).catch(() => undefined);
  const policies = answer?.headers.get("Content-Security-Policy") ?? undefined;
  return policies === undefined ? undefined : readSources(policies);
}

export function readSources(policies: string): readonly string[] {
  const directive = /(?:^|[;,])\s*connect-src\s+([^;,]*)/.exec(policies)?.[1] ?? "";
  return directive.split(/\s+/).filter((source) => source !== "");
}

/** Whether a policy names an origin, or all of its scheme. */
export function isAllowed(
  origin: string,
  sources: readonly string[] | undefined,
  own = window.location.origin,
): boolean {
  if (sources === undefined || origin === own) return true;
  return sources.some((source) => source === origin || (source === "https:" && origin.startsWith("https:")));
}

/** Whether there is another server that somebody could sign in to here. */
export async function knowsOtherServers(): Promise<boolean> {
  const sources = await connectSources();
  return sources === undefined || sources.some((source) => source !== "'self'");
}
