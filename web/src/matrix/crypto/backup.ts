/** Which key backup is the present one, and whether this session has its key. */
import type { CryptoApi } from "matrix-js-sdk/lib/crypto-api/index.js";

/** The pause before the server is asked again which backup there is, and the longest one, in milliseconds. */
const ASK_AGAIN_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

type Asked = Pick<
  CryptoApi,
  "getSessionBackupPrivateKey" | "getKeyBackupInfo" | "isKeyBackupTrusted" | "checkKeyBackupAndEnable"
>;

/**
 * Whether this session has the key of the backup that is in use. The SDK also uses a backup that the account's
 * identity has signed but whose key nobody has: one of a page that was closed while it made the backup. What goes there
 * could never be read.
 */
export async function canOpenBackup(
  crypto: Pick<CryptoApi, "checkKeyBackupAndEnable" | "getActiveSessionBackupVersion">,
): Promise<boolean> {
  const answer = await crypto.checkKeyBackupAndEnable();
  // Without an answer nothing is known against the one in use.
  return answer?.trustInfo.matchesDecryptionKey !== false && (await crypto.getActiveSessionBackupVersion()) !== null;
}

/** Reads the key of the backup, one reading after the other, until it is known whether that backup is the present one. */
export class BackupKeyReader {
  private last: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private pause = ASK_AGAIN_MS;
  private stopped = false;

  /** `use` is told the key, and whether the backup on the server has it; nothing while that is not known. */
  constructor(private readonly use: (key: Uint8Array | null, present: boolean | undefined) => Promise<void>) {}

  read(crypto: Asked): Promise<void> {
    return this.next(crypto, async () => {
      const info = await crypto.getKeyBackupInfo();
      return info === null ? undefined : (await crypto.isKeyBackupTrusted(info)).matchesDecryptionKey;
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /**
   * The SDK remembers the last answer, and an answer from before a backup was made may come after that. So the server
   * itself is asked.
   */
  private ask(crypto: Asked): Promise<void> {
    return this.next(crypto, async () => (await crypto.checkKeyBackupAndEnable())?.trustInfo.matchesDecryptionKey);
  }

  private next(crypto: Asked, isPresent: () => Promise<boolean | undefined>): Promise<void> {
    this.last = this.last
      .then(async () => {
        if (this.stopped) return;
        const key = await crypto.getSessionBackupPrivateKey();
        const present = key === null ? false : await isPresent();
        if (this.stopped) return;
        await this.use(key, present);
        this.plan(crypto, present);
      })
      .catch((error) => {
        if (this.stopped) return;
        console.warn("the key of the backup cannot be read", error);
        this.plan(crypto, undefined);
      });
    return this.last;
  }

  private plan(crypto: Asked, present: boolean | undefined): void {
    if (present !== undefined) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.pause = ASK_AGAIN_MS;
      return;
    }
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.ask(crypto);
    }, this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }
}
