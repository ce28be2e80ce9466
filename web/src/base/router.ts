/** Addresses and what they show. A conversation has an address of its own, so that back, reload and links work. */
import { Observable } from "../lib/observable.ts";
import { personLink, personOfLink } from "../lib/personlink.ts";

export type Route =
  | { name: "chats" | "people" | "groups" | "sign-in" | "share" | "not-found" }
  /** A section of the settings; without one, the list of them. */
  | { name: "settings"; section?: string }
  /** Somebody's card: what "my link" leads to. */
  | { name: "person"; userId: string }
  /** A `matrix:` URI that the system hands to the client. */
  | { name: "open"; uri: string }
  | { name: "register"; token: string }
  /** The home of a space: its rooms and members. */
  | { name: "space"; spaceId: string }
  | { name: "room"; roomId: string; eventId?: string };

const PLAIN = {
  chats: "/",
  people: "/people",
  groups: "/groups",
  share: "/share",
  "sign-in": "/login",
} as const;

export function parseRoute(path: string, query: string): Route {
  const plain = (Object.keys(PLAIN) as (keyof typeof PLAIN)[]).find((name) => PLAIN[name] === path);
  if (plain !== undefined) return { name: plain };
  if (path === "/register") return { name: "register", token: new URLSearchParams(query).get("token") ?? "" };
  if (path === "/open") return { name: "open", uri: new URLSearchParams(query).get("uri") ?? "" };
  const settings = /^\/settings(?:\/([a-z-]+))?$/.exec(path);
  if (settings !== null) return { name: "settings", section: settings[1] };
  const person = /^\/u\/([^/]+)$/.exec(path)?.[1];
  if (person !== undefined) {
    const userId = personOfLink(decode(person));
    return userId === undefined ? { name: "not-found" } : { name: "person", userId };
  }
  const space = /^\/space\/([^/]+)$/.exec(path)?.[1];
  if (space !== undefined) return { name: "space", spaceId: decode(space) };
  const room = /^\/room\/([^/]+)(?:\/([^/]+))?$/.exec(path);
  if (room?.[1] === undefined) return { name: "not-found" };
  return { name: "room", roomId: decode(room[1]), eventId: room[2] === undefined ? undefined : decode(room[2]) };
}

export function pathOf(route: Route): string {
  switch (route.name) {
    case "room": {
      const event = route.eventId === undefined ? "" : `/${encode(route.eventId)}`;
      return `/room/${encode(route.roomId)}${event}`;
    }
    case "settings":
      return route.section === undefined ? "/settings" : `/settings/${route.section}`;
    case "space":
      return `/space/${encode(route.spaceId)}`;
    case "person":
      return personLink("", route.userId);
    case "register":
      return route.token === "" ? "/register" : `/register?token=${encodeURIComponent(route.token)}`;
    case "open":
      return `/open?uri=${encodeURIComponent(route.uri)}`;
    case "not-found":
      return "/";
    default:
      return PLAIN[route.name];
  }
}

/** `!`, `@`, `$` and `:` are fine in a path and keep the address readable. */
function encode(id: string): string {
  return encodeURIComponent(id).replace(/%3A/gi, ":").replace(/%40/g, "@").replace(/%24/g, "$");
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

class Router {
  readonly route = new Observable<Route>(parseRoute(window.location.pathname, window.location.search));

  constructor() {
    window.addEventListener("popstate", () => {
      this.route.set(parseRoute(window.location.pathname, window.location.search));
    });
  }

  go(route: Route, options: { replace?: boolean } = {}): void {
    const path = pathOf(route);
    if (path === window.location.pathname + window.location.search) {
      this.route.set(route);
      return;
    }
    if (options.replace === true) window.history.replaceState({ depth: this.depth }, "", path);
    else window.history.pushState({ depth: this.depth + 1 }, "", path);
    this.route.set(route);
  }

  /** How many steps back stay inside the client. */
  private get depth(): number {
    const state = window.history.state as { depth?: unknown } | null;
    return typeof state?.depth === "number" ? state.depth : 0;
  }

  /** Goes back, or up to the list where the conversation was opened by its address. */
  back(): void {
    if (this.depth > 0) window.history.back();
    else this.go({ name: "chats" }, { replace: true });
  }
}

export const router = new Router();
