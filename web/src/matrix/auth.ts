/**
 * Signing in and registering: password login, and registration through the stages that the server asks for (spec:
 * "User-Interactive Authentication API"). A stage that this client does not know is done on the server's own page.
 */
import { deviceName } from "../lib/devicename.ts";
import { newStorageKey } from "./crypto/storage.ts";
import { MatrixHttpError, ProblemError, problemOf } from "./errors.ts";
import { request } from "./http.ts";
import { expiry, type Session } from "./session.ts";

/** What a new session is: its name, and that its access token may expire, for it can be refreshed. */
const DEVICE = { initial_device_display_name: deviceName(navigator.userAgent), refresh_token: true };
const DUMMY = "m.login.dummy";
const TOKEN = "m.login.registration_token";
const TERMS = "m.login.terms";
/** Stages that need no page of the server. */
const KNOWN = [DUMMY, TOKEN, TERMS];

interface SignInAnswer {
  user_id: string;
  device_id: string;
  access_token: string;
  refresh_token?: string;
  expires_in_ms?: number;
}

interface Challenge {
  session?: string;
  completed?: string[];
  flows: { stages: string[] }[];
  params?: Record<string, unknown>;
}

/** How accounts are made on a server. */
export type RegistrationMode = "open" | "token" | "closed" | "unsupported";

export async function signIn(homeserver: string, user: string, password: string): Promise<Session> {
  const body = {
    type: "m.login.password",
    identifier: { type: "m.id.user", user: user.trim() },
    password,
    ...DEVICE,
  };
  try {
    return toSession(homeserver, await request<SignInAnswer>(homeserver, "/v3/login", { method: "POST", body }));
  } catch (error) {
    if (problemOf(error).kind === "forbidden") throw new ProblemError({ kind: "wrong-credentials" });
    throw error;
  }
}

/** Asks without registering anything: the server answers an empty request with the stages it wants. */
export async function registrationMode(homeserver: string): Promise<RegistrationMode> {
  try {
    const flows = (await challenge(homeserver, {})).flows;
    const stages = stagesFor(flows, false);
    if (stages === undefined) return "unsupported";
    return stages.includes(TOKEN) ? "token" : "open";
  } catch (error) {
    if (problemOf(error).kind === "forbidden") return "closed";
    throw error;
  }
}

/** Whether a user name is free. Throws when it cannot be used for another reason. */
export async function isAvailable(homeserver: string, username: string, signal?: AbortSignal): Promise<boolean> {
  try {
    await request(homeserver, "/v3/register/available", { query: { username }, signal });
    return true;
  } catch (error) {
    if (problemOf(error).kind === "user-name-taken") return false;
    throw error;
  }
}

export interface Registration {
  username: string;
  password: string;
  /** A registration token, where the server asks for one. */
  token: string;
}

/** A document that somebody has to agree to. */
export interface Policy {
  name: string;
  url: string;
}

/** What a person has to do before there is an account. */
export type Step =
  | { kind: "terms"; policies: readonly Policy[] }
  /** Something on a page of the server's, in a window of its own. */
  | { kind: "page"; url: string };

/** A registration on its way: it goes on by itself until it is done or a person is needed. */
export class Registering {
  private stages: readonly string[] = [];
  private asked: Challenge = { flows: [] };

  constructor(
    private readonly homeserver: string,
    private readonly registration: Registration,
    /** The languages of the person, the preferred one first. */
    private readonly languages: readonly string[] = navigator.languages,
  ) {}

  async start(): Promise<Session | Step> {
    try {
      this.asked = await challenge(this.homeserver, this.account);
    } catch (error) {
      if (problemOf(error).kind === "forbidden") throw new ProblemError({ kind: "registration-closed" });
      throw error;
    }
    const stages = stagesFor(this.asked.flows, this.registration.token.trim() !== "");
    if (stages === undefined) throw new ProblemError({ kind: "unsupported-steps" });
    this.stages = stages;
    return this.advance();
  }

  /** The person agrees to the documents. */
  acceptTerms(): Promise<Session | Step> {
    return this.finish(TERMS, { type: TERMS });
  }

  /** The person says that they have done what the server's page asked for. */
  stepDone(): Promise<Session | Step> {
    return this.finish(this.stage ?? "", {});
  }

  private get account() {
    const { username, password } = this.registration;
    return { username, password, ...DEVICE };
  }

  /** The stage that comes next. */
  private get stage(): string | undefined {
    return this.stages.find((stage) => this.asked.completed?.includes(stage) !== true);
  }

  private async advance(): Promise<Session | Step> {
    for (let stage = this.stage; stage !== undefined; stage = this.stage) {
      if (stage === TERMS) return { kind: "terms", policies: readPolicies(this.asked.params?.[TERMS], this.languages) };
      if (!KNOWN.includes(stage)) return { kind: "page", url: this.pageOf(stage) };
      const token = stage === TOKEN ? { token: this.registration.token.trim() } : {};
      const session = await this.submit({ type: stage, ...token });
      if (session !== undefined) return session;
      if (this.stage === stage) throw new ProblemError({ kind: "token-refused" });
    }
    throw new ProblemError({ kind: "unsupported-steps" });
  }

  private async finish(stage: string, auth: object): Promise<Session | Step> {
    const session = await this.submit(auth);
    if (session !== undefined) return session;
    if (this.stage === stage) throw new ProblemError({ kind: "step-open" });
    return this.advance();
  }

  private async submit(auth: object): Promise<Session | undefined> {
    const body = { ...this.account, auth: { ...auth, session: this.asked.session } };
    const answer = await post<SignInAnswer>(this.homeserver, body);
    if (answer.done) return toSession(this.homeserver, answer.value);
    this.asked = { ...this.asked, ...answer.challenge };
    return undefined;
  }

  private pageOf(stage: string): string {
    const url = new URL(`/_matrix/client/v3/auth/${encodeURIComponent(stage)}/fallback/web`, this.homeserver);
    url.searchParams.set("session", this.asked.session ?? "");
    return url.href;
  }
}

/** The documents of `m.login.terms`, each in the language that fits best. */
export function readPolicies(params: unknown, languages: readonly string[]): readonly Policy[] {
  const policies = (params as { policies?: unknown } | undefined)?.policies;
  if (typeof policies !== "object" || policies === null) return [];
  return Object.values(policies).flatMap((policy: unknown): Policy[] => {
    const translations = Object.entries((policy ?? {}) as Record<string, unknown>).flatMap(([language, value]) => {
      const { name, url } = (value ?? {}) as Record<string, unknown>;
      const readable = typeof name === "string" && typeof url === "string" && /^https?:\/\//i.test(url);
      return readable ? [{ language, name, url }] : [];
    });
    const short = (language: string) => language.toLowerCase().slice(0, 2);
    const wanted = [...languages, "en"].flatMap(
      (tag) => translations.find((one) => short(one.language) === short(tag)) ?? [],
    );
    const { name, url } = wanted[0] ?? translations[0] ?? {};
    return name === undefined || url === undefined ? [] : [{ name, url }];
  });
}

/**
 * The stages to go through: if it can be, a flow made only of what this client can do. Whoever has a token shows it, since
 * it may grant more than an account; an open server takes it without offering that. Others are spared it where they can be.
 */
export function stagesFor(flows: readonly { stages: string[] }[], hasToken: boolean): string[] | undefined {
  const all = flows.map(({ stages }) => stages);
  const known = all.filter((stages) => stages.every((stage) => KNOWN.includes(stage)));
  const possible = known.length > 0 ? known : all;
  const wanted = possible.find((stages) => stages.includes(TOKEN) === hasToken) ?? possible[0];
  return hasToken && wanted?.length === 1 && wanted[0] === DUMMY ? [TOKEN] : wanted;
}

async function challenge(homeserver: string, account: object): Promise<Challenge> {
  const answer = await post(homeserver, account);
  if (answer.done) throw new ProblemError({ kind: "server" });
  return answer.challenge;
}

type RegisterAnswer<T> = { done: true; value: T } | { done: false; challenge: Challenge };

async function post<T>(homeserver: string, body: object): Promise<RegisterAnswer<T>> {
  try {
    return { done: true, value: await request<T>(homeserver, "/v3/register", { method: "POST", body }) };
  } catch (error) {
    if (error instanceof MatrixHttpError && error.status === 401 && Array.isArray(error.body.flows)) {
      return { done: false, challenge: error.body as unknown as Challenge };
    }
    throw error;
  }
}

function toSession(homeserver: string, answer: SignInAnswer): Session {
  return {
    homeserver,
    userId: answer.user_id,
    deviceId: answer.device_id,
    accessToken: answer.access_token,
    storageKey: newStorageKey(),
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
    ...(answer.expires_in_ms === undefined ? {} : expiry(answer.expires_in_ms)),
  };
}
