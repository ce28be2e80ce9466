/**
 * The key to the secret storage (spec: "Secret storage"), which people know as their recovery key or passphrase. It is
 * held only while something is done with it.
 */
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import {
  type CryptoCallbacks,
  decodeRecoveryKey,
  deriveRecoveryKeyFromPassphrase,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import { ProblemError } from "../errors.ts";

interface Held {
  id: string;
  key: Uint8Array<ArrayBuffer>;
}

export class SecretKey {
  private held: Held | undefined;

  readonly callbacks: CryptoCallbacks = {
    getSecretStorageKey: async ({ keys }) => {
      const { held } = this;
      return held !== undefined && held.id in keys ? [held.id, held.key] : null;
    },
    cacheSecretStorageKey: (id, _description, key) => {
      this.held = { id, key };
    },
  };

  /** Runs what needs the secret storage; its key is forgotten when that is done. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.held?.key.fill(0);
      this.held = undefined;
    }
  }

  /** Takes what somebody typed, once it has been seen to open the storage. */
  async unlock(client: MatrixClient, typed: string): Promise<void> {
    const stored = await client.secretStorage.getKey();
    if (stored === null) throw new ProblemError({ kind: "no-recovery" });
    const [id, description] = stored;
    const { passphrase } = description;
    const candidates = [
      async () => decodeRecoveryKey(typed),
      async () => {
        if (passphrase === undefined) throw new ProblemError({ kind: "wrong-recovery-key" });
        return deriveRecoveryKeyFromPassphrase(typed, passphrase.salt, passphrase.iterations, passphrase.bits);
      },
    ];
    for (const candidate of candidates) {
      // Text that is no recovery key fails to decode; then it may be a passphrase.
      const key = await candidate().catch(() => undefined);
      if (key === undefined || !(await client.secretStorage.checkKey(key, description))) continue;
      this.held = { id, key };
      return;
    }
    throw new ProblemError({ kind: "wrong-recovery-key" });
  }
}

type Authenticate = (makeRequest: (auth: PasswordAuth | null) => Promise<void>) => Promise<void>;

interface PasswordAuth {
  type: "m.login.password";
  identifier: { type: "m.id.user"; user: string };
  password: string;
  session?: string;
}

/**
 * User-interactive authentication with a password, where the server asks for it (spec: "User-interactive authentication
 * API"). Without a password the answer is that one is needed.
 */
export function withPassword(userId: string, password: string | undefined): Authenticate {
  return async (makeRequest) => {
    let session: string | undefined;
    try {
      return await makeRequest(null);
    } catch (error) {
      const { httpStatus, data } = error as { httpStatus?: number; data?: { session?: string; flows?: unknown } };
      if (httpStatus !== 401 || data?.flows === undefined) throw error;
      session = data.session;
    }
    if (password === undefined) throw new ProblemError({ kind: "password-needed" });
    try {
      await makeRequest({
        type: "m.login.password",
        identifier: { type: "m.id.user", user: userId },
        password,
        session,
      });
    } catch (error) {
      const { httpStatus, errcode } = error as { httpStatus?: number; errcode?: string };
      if (httpStatus === 401 || errcode === "M_FORBIDDEN") throw new ProblemError({ kind: "wrong-password" });
      throw error;
    }
  };
}
