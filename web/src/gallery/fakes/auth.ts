/** The model of the first screen, which no account stands behind. */
import { Observable } from "../../lib/observable.ts";
import type { AuthModel, AuthSnapshot } from "../../viewmodels/auth.ts";
import { type Calls, fake } from "./fake.ts";

export function fakeAuth(calls: Calls, part: Partial<AuthSnapshot> = {}): AuthModel {
  return fake<AuthModel>("auth", calls, {
    ownServer: "example.org",
    snapshot: new Observable<AuthSnapshot>({
      server: "example.org",
      foreign: false,
      mayChange: false,
      choosing: false,
      registration: "open",
      name: "unknown",
      passwordTooShort: false,
      busy: false,
      ...part,
    }),
  });
}
