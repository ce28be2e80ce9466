/** Signing in and registering: password login, and registration with the stages this client can do. */
import { MatrixHttpError, ProblemError, problemOf } from "./errors.ts";
import { request } from "./http.ts";
import { expiry, type Session } from "./session.ts";

/** What a new session is: its name, and that its access token may expire, for it can be refreshed. */
const DEVICE = { initial_device_display_name: "IM2 Web", refresh_token: true };
const DUMMY = "m.login.dummy";
const TOKEN = "m.login.registration_token";

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

export async function register(homeserver: string, registration: Registration): Promise<Session> {
  const { username, password, token } = registration;
  const account = { username, password, ...DEVICE };
  let asked: Challenge;
  try {
    asked = await challenge(homeserver, account);
  } catch (error) {
    if (problemOf(error).kind === "forbidden") throw new ProblemError({ kind: "registration-closed" });
    throw error;
  }
  const stages = stagesFor(asked.flows, token.trim() !== "");
  if (stages === undefined) throw new ProblemError({ kind: "unsupported-steps" });
  for (const stage of stages) {
    const auth = { type: stage, session: asked.session, ...(stage === TOKEN ? { token: token.trim() } : {}) };
    const answer = await post<SignInAnswer>(homeserver, { ...account, auth });
    if (answer.done) return toSession(homeserver, answer.value);
    if (!answer.challenge.completed?.includes(stage)) throw new ProblemError({ kind: "token-refused" });
    asked = answer.challenge;
  }
  throw new ProblemError({ kind: "unsupported-steps" });
}

/**
 * The stages to go through: a flow made only of what this client can do. Whoever has a token shows it, since it may grant
 * more than an account; an open server takes it without offering that. Others are spared it where they can be.
 */
export function stagesFor(flows: readonly { stages: string[] }[], hasToken: boolean): string[] | undefined {
  const possible = flows
    .map(({ stages }) => stages)
    .filter((stages) => stages.every((s) => s === DUMMY || s === TOKEN));
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
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
    ...(answer.expires_in_ms === undefined ? {} : expiry(answer.expires_in_ms)),
  };
}
