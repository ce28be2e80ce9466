/** The sign-in and the registration form. */
import { Observable } from "../lib/observable.ts";
import { isAvailable, type RegistrationMode, register, registrationMode, signIn } from "../matrix/auth.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import { defaultHomeserver } from "../matrix/session.ts";
import { app } from "./app.ts";

export const MIN_PASSWORD = 8;

export type NameState = "unknown" | "checking" | "free" | "taken" | "invalid";

export interface AuthSnapshot {
  server: string;
  /** Absent until the server has said how accounts are made. */
  registration?: RegistrationMode;
  name: NameState;
  passwordTooShort: boolean;
  busy: boolean;
  problem?: Problem;
}

export class AuthModel {
  private readonly homeserver = defaultHomeserver();
  readonly snapshot = new Observable<AuthSnapshot>({
    server: new URL(this.homeserver).host,
    name: "unknown",
    passwordTooShort: false,
    busy: false,
  });
  private checking: AbortController | undefined;

  async loadRegistration(): Promise<void> {
    try {
      this.patch({ registration: await registrationMode(this.homeserver), problem: undefined });
    } catch (error) {
      this.patch({ problem: problemOf(error) });
    }
  }

  /** Checks a user name a moment after the last key. */
  async checkName(name: string): Promise<void> {
    this.checking?.abort();
    if (name === "") return this.patch({ name: "unknown" });
    if (!isUserName(name)) return this.patch({ name: "invalid" });
    const checking = new AbortController();
    this.checking = checking;
    this.patch({ name: "checking" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    if (checking.signal.aborted) return;
    const state = await isAvailable(this.homeserver, name, checking.signal).then(
      (free): NameState => (free ? "free" : "taken"),
      (error): NameState => (problemOf(error).kind === "user-name-invalid" ? "invalid" : "unknown"),
    );
    if (!checking.signal.aborted) this.patch({ name: state });
  }

  async signIn(user: string, password: string): Promise<void> {
    await this.submit(async () => app.signedIn(await signIn(this.homeserver, user, password)));
  }

  async register(username: string, password: string, token: string): Promise<void> {
    if (password.length < MIN_PASSWORD) return this.patch({ passwordTooShort: true });
    this.patch({ passwordTooShort: false });
    await this.submit(async () => app.signedIn(await register(this.homeserver, { username, password, token })));
  }

  private async submit(action: () => Promise<void>): Promise<void> {
    if (this.snapshot.get().busy) return;
    this.patch({ busy: true, problem: undefined });
    try {
      await action();
    } catch (error) {
      this.patch({ problem: problemOf(error) });
    } finally {
      this.patch({ busy: false });
    }
  }

  private patch(change: Partial<AuthSnapshot>): void {
    this.snapshot.set({ ...this.snapshot.get(), ...change });
  }
}

/** The characters that the specification allows in the local part of a new user id. */
export function isUserName(name: string): boolean {
  return /^[a-z0-9._=/+-]+$/.test(name);
}
