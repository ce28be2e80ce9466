/** The sign-in and the registration form. */
import { Observable } from "../lib/observable.ts";
import {
  isAvailable,
  Registering,
  type RegistrationMode,
  registrationMode,
  type Step,
  signIn,
} from "../matrix/auth.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import { defaultHomeserver, type Session } from "../matrix/session.ts";
import { app } from "./app.ts";
import { renewPage } from "./serviceworker.ts";

export const MIN_PASSWORD = 8;

export type NameState = "unknown" | "checking" | "free" | "taken" | "invalid";

export interface AuthSnapshot {
  server: string;
  /** Another server than the one that serves this page. */
  foreign: boolean;
  /** This page may connect to others. */
  mayChange: boolean;
  /** The name of another server is being asked for. */
  choosing: boolean;
  /** What somebody has to do before they have an account. */
  step?: Step;
  /** Absent until the server has said how accounts are made. */
  registration?: RegistrationMode;
  name: NameState;
  passwordTooShort: boolean;
  busy: boolean;
  problem?: Problem;
}

/** The server that was chosen; it stays chosen between the two forms. */
let chosen: string | undefined;

export class AuthModel {
  private homeserver = chosen ?? defaultHomeserver();
  private registering: Registering | undefined;
  readonly snapshot = new Observable<AuthSnapshot>({
    ...this.describeServer(),
    mayChange: false,
    choosing: false,
    name: "unknown",
    passwordTooShort: false,
    busy: false,
  });
  private checking: AbortController | undefined;

  /** Finds out whether there is anything to choose; the form need not wait for it. */
  async look(): Promise<void> {
    const { knowsOtherServers } = await import("../matrix/discovery.ts");
    const mayChange = await knowsOtherServers().catch(() => false);
    if (mayChange) this.patch({ mayChange });
  }

  get ownServer(): string {
    return new URL(defaultHomeserver()).host;
  }

  chooseServer(): void {
    this.patch({ choosing: true, problem: undefined });
  }

  async takeServer(name: string): Promise<void> {
    await this.submit(async () => {
      const { discover } = await import("../matrix/discovery.ts");
      try {
        this.take(await discover(name));
      } catch (error) {
        if (problemOf(error).kind === "page-outdated") await renewPage();
        throw error;
      }
    });
  }

  /** Back to the server that serves this page. */
  takeOwnServer(): void {
    this.take(defaultHomeserver());
  }

  private take(homeserver: string): void {
    this.homeserver = homeserver;
    chosen = homeserver;
    const { registration: known } = this.snapshot.get();
    this.patch({
      ...this.describeServer(),
      choosing: false,
      problem: undefined,
      registration: undefined,
      name: "unknown",
    });
    if (known !== undefined) void this.loadRegistration();
  }

  private describeServer(): Pick<AuthSnapshot, "server" | "foreign"> {
    const own = new URL(defaultHomeserver());
    const { host, origin } = new URL(this.homeserver);
    return { server: host, foreign: origin !== own.origin };
  }

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
    const registering = new Registering(this.homeserver, { username, password, token });
    this.registering = registering;
    await this.submit(async () => this.advance(await registering.start()));
  }

  /** Agrees to what the server asks for. */
  async acceptTerms(): Promise<void> {
    await this.submit(async () => this.advance(await this.registering?.acceptTerms()));
  }

  /** What the server's page asked for has been done. */
  async stepDone(): Promise<void> {
    await this.submit(async () => this.advance(await this.registering?.stepDone()));
  }

  /** Back to the form. */
  cancelStep(): void {
    this.registering = undefined;
    this.patch({ step: undefined, problem: undefined });
  }

  private advance(next: Session | Step | undefined): void {
    if (next === undefined) return;
    if ("kind" in next) this.patch({ step: next });
    else app.signedIn(next);
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
