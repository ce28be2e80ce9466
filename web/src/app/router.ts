/** Addresses and what they show. A conversation has an address of its own, so that back, reload and links work. */
import { Observable } from "../lib/observable.ts";

export type Route =
  | { name: "chats" | "people" | "groups" | "settings" | "sign-in" | "not-found" }
  | { name: "register"; token: string }
  | { name: "room"; roomId: string; eventId?: string };

const PLAIN = {
  chats: "/",
  people: "/people",
  groups: "/groups",
  settings: "/settings",
  "sign-in": "/login",
} as const;

export function parseRoute(path: string, query: string): Route {
  const plain = (Object.keys(PLAIN) as (keyof typeof PLAIN)[]).find((name) => PLAIN[name] === path);
  if (plain !== undefined) return { name: plain };
  if (path === "/register") return { name: "register", token: new URLSearchParams(query).get("token") ?? "" };
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
    case "register":
      return route.token === "" ? "/register" : `/register?token=${encodeURIComponent(route.token)}`;
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
