/** What went wrong, told apart only as far as somebody is told different things about it. */
export type Problem =
  | { kind: "offline" }
  | { kind: "limited"; seconds: number }
  | { kind: "wrong-credentials" | "deactivated" | "forbidden" | "not-found" | "too-large" | "server" | "signed-out" }
  | { kind: "user-name-taken" | "user-name-invalid" | "weak-password" | "token-refused" | "registration-closed" }
  | { kind: "alias-taken" | "unsupported-steps" | "cancelled" }
  | { kind: "too-long" | "not-encrypted" | "not-pdf" | "slow-mode" }
  | { kind: "quota" | "locked" | "suspended" | "invite-blocked" | "read-only" }
  | { kind: "password-needed" | "wrong-password" | "wrong-recovery-key" | "no-recovery" | "not-a-key-file" }
  | {
      kind:
        | "server-name"
        | "server-blocked"
        | "server-unreachable"
        | "server-broken"
        | "server-no-matrix"
        | "server-no-password";
    }
  | { kind: "step-open" | "page-outdated" }
  | { kind: "wrong-passphrase" | "identity-changed" | "no-identity" | "no-encryption" | "damaged-file" };

export type ProblemKind = Problem["kind"];

/** An answer of the homeserver that is not a success. */
export class MatrixHttpError extends Error {
  override readonly name = "MatrixHttpError";

  constructor(
    readonly status: number,
    readonly errcode: string | undefined,
    readonly retryAfterMs: number | undefined,
    readonly body: Readonly<Record<string, unknown>>,
  ) {
    super(`${status} ${errcode ?? ""}`);
  }
}

/** A problem that was recognised where it happened. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(readonly problem: Problem) {
    super(problem.kind);
  }
}

const BY_ERRCODE: Readonly<Record<string, ProblemKind>> = {
  M_FORBIDDEN: "forbidden",
  M_USER_DEACTIVATED: "deactivated",
  M_USER_LOCKED: "locked",
  M_USER_SUSPENDED: "suspended",
  M_USER_LIMIT_EXCEEDED: "quota",
  M_INVITE_BLOCKED: "invite-blocked",
  "IM2.READ_ONLY": "read-only",
  M_USER_IN_USE: "user-name-taken",
  M_INVALID_USERNAME: "user-name-invalid",
  M_EXCLUSIVE: "user-name-taken",
  M_WEAK_PASSWORD: "weak-password",
  M_NOT_FOUND: "not-found",
  M_TOO_LARGE: "too-large",
  M_ROOM_IN_USE: "alias-taken",
  M_UNKNOWN_TOKEN: "signed-out",
  M_MISSING_TOKEN: "signed-out",
};

/** Whether a request had no answer: the SDK's error, or what the browsers call it. Any other TypeError is a fault of ours. */
export function isLostConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "ConnectionError" || (error instanceof TypeError && NO_ANSWER.test(error.message));
}

/** Said by the encryption engine when it was closed, by signing out, and the SDK goes on with what it had begun. */
const ENGINE_CLOSED = "null pointer passed to rust";

const NO_ANSWER = /^(?:Failed to fetch|NetworkError when|Load failed|network error)/i;

/** Reads any error that a request can end with: our own, the SDK's (which has the same fields), or a failed fetch. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (!(error instanceof Error)) return { kind: "server" };
  if (error.name === "AbortError" || error.message === ENGINE_CLOSED) return { kind: "cancelled" };
  if (isLostConnection(error)) return { kind: "offline" };
  const { errcode, status, httpStatus } = error as Error & { errcode?: string; status?: number; httpStatus?: number };
  if (errcode === "M_LIMIT_EXCEEDED") return { kind: "limited", seconds: retrySeconds(error) };
  const known = errcode === undefined ? undefined : BY_ERRCODE[errcode];
  if (known !== undefined) return { kind: known } as Problem;
  return { kind: (status ?? httpStatus) === 413 ? "too-large" : "server" };
}

function retrySeconds(error: Error): number {
  const { retryAfterMs, data } = error as Error & { retryAfterMs?: number; data?: { retry_after_ms?: number } };
  return Math.max(1, Math.ceil((retryAfterMs ?? data?.retry_after_ms ?? 5000) / 1000));
}
