/** Where a person wanted to go before they had to sign in or register: it outlives the change between the two forms. */
import { Observable } from "../lib/observable.ts";
import type { Route } from "../base/router.ts";

export const destination = new Observable<Route | undefined>(undefined);

const FORMS: readonly Route["name"][] = ["sign-in", "register", "chats", "not-found"];

/** Remembers an address that was opened signed out. */
export function rememberDestination(route: Route): void {
  if (!FORMS.includes(route.name)) destination.set(route);
}

export function takeDestination(): Route | undefined {
  const route = destination.get();
  destination.set(undefined);
  return route;
}
