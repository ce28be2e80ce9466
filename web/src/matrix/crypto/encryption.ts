/**
 * The end-to-end encryption of the account: loads the engine after the first screen, knows how this session and the
 * recovery of the keys stand, and does what people do about them.
 */
import { ClientEvent, type MatrixClient, type Room } from "matrix-js-sdk/lib/matrix.js";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import {
  CryptoEvent,
  type GeneratedSecretStorageKey,
  ImportRoomKeyStage,
  type VerificationRequest,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import wasmUrl from "../../../node_modules/@matrix-org/matrix-sdk-crypto-wasm/pkg/matrix_sdk_crypto_wasm_bg.wasm?url";
import { deepEqual } from "../../lib/equal.ts";
import { Observable } from "../../lib/observable.ts";
import { within } from "../../lib/within.ts";
import type { Encryption as OutboxEncryption } from "../outbox/wire.ts";
import { encryptAttachment, makeThumbnail } from "./attachments.ts";
import { BackupKeyReader, canOpenBackup } from "./backup.ts";
import { ProblemError } from "../errors.ts";
import type { Session } from "../session.ts";
import { Gate } from "./gate.ts";
import { acceptInBackground } from "./history.ts";
import { decryptKeyFile, encryptKeyFile } from "./keyfile.ts";
import { type SecretKey, withPassword } from "./secrets.ts";
import { endSessions, listSessions, type OwnSession, renameSession } from "./sessions.ts";
import { cryptoStorePrefix, storageKeyBytes } from "./storage.ts";
import { Healing } from "./healing.ts";
import { Latecomers } from "./latecomers.ts";
import { LocalCopy } from "./localcopy.ts";
import { Sealing } from "./sealing.ts";
import { Shields } from "./shields.ts";
import { SignIns } from "./signins.ts";
import { Trust } from "./trust.ts";
import { Verification } from "./verification.ts";

export interface EncryptionStatus {
  engine: "loading" | "ready" | "failed";
  /** This session: whether it belongs to the account's identity, if there is one. */
  session: "unknown" | "no-identity" | "unverified" | "verified";
  /** Whether the keys can be had back with a recovery key. */
  recovery: "unknown" | "missing" | "ready" | "incomplete";
  /** The keys are backed up on the server, encrypted; so many are waiting. */
  backup: { on: boolean; waiting: number };
  /** A backup that is being read. */
  restoring?: { done: number; total: number };
  /** A device that is kept for the time when nobody is signed in. */
  dehydrated: boolean;
}

/** A new recovery key: what to save, and what the SDK needs of it. */
export interface RecoveryKey {
  text: string;
  generated: GeneratedSecretStorageKey;
}

const BEFORE: EncryptionStatus = {
  engine: "loading",
  session: "unknown",
  recovery: "unknown",
  backup: { on: false, waiting: 0 },
  dehydrated: false,
};
const RETRY_MS = 5000;
/** How long a session that has just published the account's identity may take to know itself signed by it. */
const VERIFIED_WITHIN = 30_000;

/** The longest that keys wait for being backed up: in large rooms all members' clients would else send theirs at once. */
const BACKUP_DELAY_MS = 2000;

/** What the SDK keeps to itself of the engine. */
interface BackingUp {
  backupManager: { getActiveBackupVersion(): Promise<string | null>; maybeUploadKey(): Promise<void> };
  olmMachine: { roomKeyCounts(): Promise<{ total: number; backedUp: number }> };
}

/** The SDK goes on with what it was about to ask an engine that has been closed: nobody waits for the answer. */
function ignoreClosed(event: PromiseRejectionEvent): void {
  if (String(event.reason).includes("null pointer passed to rust")) event.preventDefault();
}

export class Encryption {
  readonly status = new Observable<EncryptionStatus>(BEFORE);
  /** The comparison of emoji that goes on, whoever began it. */
  readonly verification = new Observable<Verification | undefined>(undefined);
  /** How often the engine has heard that the account's sessions are others. */
  readonly ownDevices = new Observable(0);
  readonly trust: Trust;
  readonly shields: Shields;
  /** Seals what the account keeps on the server for its own sessions. */
  readonly sealing: Sealing;
  /** Where somebody has signed in to the account since. */
  readonly signIns: SignIns;
  private readonly gate: Gate;
  private hasSettled: () => void = () => undefined;
  /** This session has its identity, as far as that can be had without anybody's doing. */
  private readonly settled = new Promise<void>((resolve) => {
    this.hasSettled = resolve;
  });
  /** The server has said that the account has an identity, or that it has none and no backup either. */
  private asked = false;
  private waiting = 0;
  private reading = Promise.resolve();
  private stopped = false;
  private loading: Promise<CryptoBackend | undefined> | undefined;
  private readonly healing: Healing;
  private readonly backupKey: BackupKeyReader;
  private readonly latecomers: Latecomers;
  private readonly keyListeners: (() => void)[] = [];
  /** Ends a pause between two attempts. */
  private wake: () => void = () => undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly session: Session,
    private readonly secret: SecretKey,
  ) {
    this.gate = new Gate(client, (engine, room) => this.beforeSending(engine, room), this.settled);
    this.trust = new Trust(client, this.gate.open);
    this.shields = new Shields(client, this.gate.open);
    this.healing = new Healing(client);
    this.latecomers = new Latecomers(client, LocalCopy.of(session, "im2.latecomers"));
    this.signIns = new SignIns(() => this.sessions(), this.ownDevices, LocalCopy.of(session, "im2.sessions"));
    this.sealing = new Sealing(
      session.userId,
      () => this.keysAreStored(),
      () => this.hasPresentBackupKey(),
    );
    this.backupKey = new BackupKeyReader((key, present) => this.sealing.use(key, present));
  }

  /** What the outbox encrypts with. */
  readonly outgoing: OutboxEncryption = {
    engine: () => this.gate.open,
    remembers: (roomId) => this.gate.remembers(roomId),
    check: (engine, room) => this.beforeSending(engine, room),
    attachment: async (plain) => {
      const { blob, file } = await encryptAttachment(plain);
      return { blob, keys: { ...file } };
    },
    thumbnail: makeThumbnail,
  };

  /** Loads the engine; returns when it runs, or cannot. `connected` resolves with the first answer of the server. */
  async start(connected: Promise<void>): Promise<void> {
    // It has ended before the first screen was there: its store is not opened any more.
    if (this.stopped) return;
    let engine: CryptoBackend | undefined;
    try {
      this.loading = this.load();
      engine = await this.loading;
    } catch (error) {
      console.error("the encryption engine cannot run", error);
    }
    if (this.stopped) return;
    if (engine !== undefined) this.watch();
    await this.gate.start(engine);
    if (engine !== undefined) void this.latecomers.start(engine);
    this.patch({ engine: engine === undefined ? "failed" : "ready" });
    if (engine === undefined) return this.sealing.unavailable();
    // What is sealed can be opened without a connection.
    void this.sealing.use(await engine.getSessionBackupPrivateKey().catch(() => null), undefined);
    await connected;
    await this.settle(engine).catch((error) => console.warn("encryption is not settled yet", error));
    this.hasSettled();
    await this.signIns.start();
  }

  /** Resolves when nothing opens the store any more; the client itself closes an engine that runs. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.backupKey.stop();
    this.healing.stop();
    this.signIns.stop();
    this.latecomers.stop();
    this.sealing.stop();
    this.wake();
    window.addEventListener("unhandledrejection", ignoreClosed);
    await this.loading?.catch(() => undefined);
  }

  // What people do about recovery

  /** Makes a recovery key to be saved; nothing is set up before {@link saveRecovery}. */
  async createRecoveryKey(passphrase?: string): Promise<RecoveryKey> {
    const generated = await (await this.engine()).createRecoveryKeyFromPassphrase(passphrase);
    return { text: generated.encodedPrivateKey ?? "", generated };
  }

  /** Stores the account's secrets under a new recovery key, and backs the keys up. */
  async saveRecovery(key: RecoveryKey, password?: string): Promise<void> {
    const crypto = await this.engine();
    await this.secret.during(async () => {
      await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: this.authenticate(password) });
      await crypto.bootstrapSecretStorage({
        createSecretStorageKey: async () => key.generated,
        setupNewSecretStorage: true,
        setupNewKeyBackup: !(await canOpenBackup(crypto)),
      });
      await this.dehydrate(crypto, { createNewKey: true });
    });
    await this.read();
  }

  /** Verifies this session by the recovery key or the passphrase, and reads the backup in the background. */
  async recover(typed: string): Promise<void> {
    const crypto = await this.engine();
    await this.secret.during(async () => {
      await this.secret.unlock(this.client, typed);
      await crypto.userHasCrossSigningKeys(this.client.getSafeUserId(), true);
      await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: this.authenticate(undefined) });
      const info = await crypto.getKeyBackupInfo();
      if (info !== null) await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
      await crypto.checkKeyBackupAndEnable();
      await this.dehydrate(crypto, {});
    });
    await this.read();
    void this.restore(crypto);
  }

  /** Begins anew: a new identity, a new backup. What only the old backup holds is lost. */
  async reset(password?: string): Promise<void> {
    const crypto = await this.engine();
    await crypto.resetEncryption(this.authenticate(password));
    await this.read();
  }

  // Sessions and people

  async sessions(): Promise<OwnSession[]> {
    return listSessions(this.client, await this.gate.open);
  }

  renameSession(id: string, name: string): Promise<void> {
    return renameSession(this.client, id, name);
  }

  endSessions(ids: string[], password?: string): Promise<void> {
    return endSessions(this.client, ids, password);
  }

  /** Asks one's other sessions, or one of them, to compare emoji. */
  async verifySession(deviceId?: string): Promise<Verification> {
    const crypto = await this.engine();
    const me = this.client.getSafeUserId();
    return this.show(
      deviceId === undefined
        ? await crypto.requestOwnUserVerification()
        : await crypto.requestDeviceVerification(me, deviceId),
    );
  }

  /** Asks somebody to compare emoji, in the direct chat with them. */
  async verifyPerson(userId: string, roomId: string): Promise<Verification> {
    const crypto = await this.engine();
    if (!(await crypto.userHasCrossSigningKeys(userId, true))) throw new ProblemError({ kind: "no-identity" });
    return this.show(await crypto.requestVerificationDM(userId, roomId));
  }

  /** Puts a verification that has ended away, or calls off one that goes on. */
  async endVerification(): Promise<void> {
    const running = this.verification.get();
    this.verification.set(undefined);
    await running?.cancel();
  }

  /** All keys of messages, as a file that is encrypted with a passphrase. */
  async exportKeys(passphrase: string): Promise<Blob> {
    return encryptKeyFile(await (await this.engine()).exportRoomKeysAsJson(), passphrase);
  }

  /** Reads such a file; answers with the number of keys in it. */
  async importKeys(file: Blob, passphrase: string): Promise<number> {
    const keys = await decryptKeyFile(await file.text(), passphrase);
    await (await this.engine()).importRoomKeysAsJson(keys);
    this.tellOfKeys();
    return (JSON.parse(keys) as unknown[]).length;
  }

  /** How many keys to messages are nowhere but in this session, although there is a backup. Has them sent now. */
  async unsavedKeys(): Promise<number> {
    const { backupManager, olmMachine } = (await this.engine()) as unknown as BackingUp;
    if ((await backupManager.getActiveBackupVersion()) === null) return 0;
    const { total, backedUp } = await olmMachine.roomKeyCounts();
    if (total > backedUp) void backupManager.maybeUploadKey();
    return total - backedUp;
  }

  /** Called when keys to older messages have come, from a backup, a file or another session. */
  onKeys(listener: () => void): void {
    this.keyListeners.push(listener);
  }

  private async engine(): Promise<CryptoBackend> {
    const engine = await this.gate.open;
    if (engine === undefined) throw new ProblemError({ kind: "no-encryption" });
    return engine;
  }

  private authenticate(password: string | undefined) {
    return withPassword(this.client.getSafeUserId(), password);
  }

  private async load(): Promise<CryptoBackend | undefined> {
    await this.fetchEngine();
    const { RustCrypto } = await import("matrix-js-sdk/lib/rust-crypto/rust-crypto.js");
    acceptInBackground(RustCrypto);
    if (this.stopped) return undefined;
    await this.client.initRustCrypto({
      cryptoDatabasePrefix: cryptoStorePrefix(this.session),
      storageKey: storageKeyBytes(this.session),
    });
    const engine = this.client.getCrypto() as CryptoBackend | undefined;
    if (this.stopped) engine?.stop();
    const manager = (engine as unknown as BackingUp | undefined)?.backupManager.constructor;
    if (manager !== undefined) Object.assign(manager, { maxBackupLoopStartDelayMillis: BACKUP_DELAY_MS });
    return engine;
  }

  /** Brings the engine into the browser's cache: the SDK itself would try only once. */
  private async fetchEngine(): Promise<void> {
    while (!this.stopped) {
      try {
        const response = await fetch(wasmUrl);
        await response.blob();
        if (response.ok) return;
      } catch {
        // No connection: the next attempt follows.
      }
      await new Promise<void>((resolve) => {
        const go = () => {
          this.wake = () => undefined;
          clearTimeout(timer);
          window.removeEventListener("online", go);
          resolve();
        };
        const timer = setTimeout(go, RETRY_MS);
        this.wake = go;
        window.addEventListener("online", go);
      });
    }
  }

  private async beforeSending(engine: CryptoBackend | undefined, room: Room): Promise<void> {
    if (!room.hasEncryptionStateEvent()) return;
    if (engine === undefined) throw new ProblemError({ kind: "no-encryption" });
    await this.trust.refuseViolations(room);
  }

  private watch(): void {
    const again = () => void this.read();
    this.client.on(CryptoEvent.KeysChanged, again);
    this.client.on(CryptoEvent.KeyBackupStatus, again);
    this.client.on(CryptoEvent.DehydratedDeviceUploaded, again);
    this.client.on(CryptoEvent.UserTrustStatusChanged, (userId) => userId === this.client.getUserId() && again());
    this.client.on(CryptoEvent.DevicesUpdated, (users) => {
      if (!users.includes(this.client.getSafeUserId())) return;
      this.ownDevices.set(this.ownDevices.get() + 1);
      again();
    });
    this.client.on(ClientEvent.AccountData, (event) => {
      if (/^m\.(?:secret_storage|cross_signing|megolm_backup)\b/.test(event.getType())) again();
    });
    this.client.on(CryptoEvent.KeyBackupSessionsRemaining, (waiting) => {
      this.waiting = waiting;
      again();
    });
    this.client.on(CryptoEvent.KeyBackupDecryptionKeyCached, () => {
      again();
      // Another session has handed the key over after a verification.
      const crypto = this.client.getCrypto();
      if (crypto !== undefined && this.status.get().restoring === undefined) void this.restore(crypto as CryptoBackend);
    });
    this.client.on(CryptoEvent.VerificationRequestReceived, (request) => {
      const running = this.verification.get();
      const over = running === undefined || ["done", "cancelled"].includes(running.state.get().step);
      if (over && request.pending && !this.isAnswered(request)) this.show(request);
    });
  }

  /** Requests in a room come again with a sync that is repeated after a reload; who has answered is not asked twice. */
  private isAnswered({ roomId, transactionId }: VerificationRequest): boolean {
    const events = this.client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [];
    return events.some((event) => {
      const answersTo = event.getRelation()?.rel_type === "m.reference" && event.getRelation()?.event_id;
      return answersTo === transactionId && event.getSender() === this.client.getUserId();
    });
  }

  /** A new account gets its identity and its backup without anybody being asked; where they exist, nothing changes. */
  private async settle(crypto: CryptoBackend): Promise<void> {
    const me = this.client.getSafeUserId();
    const hasIdentity = await crypto.userHasCrossSigningKeys(me, true);
    this.asked = hasIdentity || (await crypto.getKeyBackupInfo().catch(() => undefined)) === null;
    await this.read();
    if (!hasIdentity) {
      await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: this.authenticate(undefined) });
      await this.read();
      await within(VERIFIED_WITHIN, this.verified());
    } else if (this.status.get().session !== "verified") await this.finishIdentity(crypto);
    const { session, recovery } = this.status.get();
    if (session !== "verified") return;
    if (recovery === "missing" && (await crypto.getKeyBackupInfo()) === null) await crypto.resetKeyBackup();
    if (recovery === "ready") await this.dehydrate(crypto, { onlyIfKeyCached: true, rehydrate: false });
    await this.read();
  }

  /**
   * Resolves when this session is verified. An answer about the account's sessions that was under way when the identity
   * was published comes after that and knows nothing of it; the next one does.
   */
  private verified(): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.status.get().session !== "verified") return;
        stop();
        resolve();
      };
      const stop = this.status.subscribe(look);
      look();
    });
  }

  /** Where the page was left while it published the identity, that goes on. Whoever has its keys has made it. */
  private async finishIdentity(crypto: CryptoBackend): Promise<void> {
    const { masterKey, selfSigningKey, userSigningKey } = (await crypto.getCrossSigningStatus())
      .privateKeysCachedLocally;
    if (!masterKey || !selfSigningKey || !userSigningKey) return;
    const me = this.client.getSafeUserId();
    const { master_keys: published } = await this.client.downloadKeysForUsers([me]);
    if (published?.[me] !== undefined) await crypto.crossSignDevice(this.session.deviceId);
    // Nobody has seen it: another one takes its place.
    else {
      const authUploadDeviceSigningKeys = this.authenticate(undefined);
      await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys, setupNewCrossSigning: true });
    }
    await this.read();
  }

  private async dehydrate(
    crypto: CryptoBackend,
    options: { createNewKey?: boolean; onlyIfKeyCached?: boolean; rehydrate?: boolean },
  ): Promise<void> {
    try {
      if (await crypto.isDehydrationSupported()) await crypto.startDehydration(options);
    } catch (error) {
      console.warn("no device is kept for later", error);
    }
  }

  private async restore(crypto: CryptoBackend): Promise<void> {
    try {
      await crypto.restoreKeyBackup({
        progressCallback: (progress) => {
          if (progress.stage !== ImportRoomKeyStage.LoadKeys) return;
          const { successes, failures, total } = progress;
          this.patch({ restoring: { done: successes + failures, total } });
        },
      });
    } catch (error) {
      // The keys of what is shown are fetched one by one in any case.
      console.warn("the backup was not read to its end", error);
    } finally {
      this.patch({ restoring: undefined });
      this.tellOfKeys();
    }
  }

  private tellOfKeys(): void {
    for (const listener of this.keyListeners) listener();
  }

  private show(request: VerificationRequest): Verification {
    const known = this.verification.get();
    if (known?.isOf(request) === true) return known;
    const verification = new Verification(request, this.status.get().session !== "verified");
    this.verification.set(verification);
    const stop = verification.state.subscribe(() => {
      if (verification.state.get().step !== "done") return;
      stop();
      if (request.isSelfVerification) this.handOver().catch((error) => console.warn("no key is handed over", error));
    });
    return verification;
  }

  /**
   * Gives one's own session that was verified just now the key of the present backup: an engine that has the key of an
   * earlier one does not ask for it.
   */
  private async handOver(): Promise<void> {
    if (this.sealing.state.get() !== "ready") return;
    const crypto = (await this.engine()) as unknown as { pushSecretToVerifiedDevices(name: string): Promise<void> };
    await crypto.pushSecretToVerifiedDevices("m.megolm_backup.v1");
  }

  /** Reads the state again, one reading after the other. */
  private read(): Promise<void> {
    this.reading = this.reading
      .then(() => this.readNow())
      .catch((error) => {
        if (!this.stopped) console.warn("the state of encryption cannot be read", error);
      });
    return this.reading;
  }

  private async readNow(): Promise<void> {
    const crypto = this.client.getCrypto();
    if (crypto === undefined || this.stopped) return;
    const me = this.client.getSafeUserId();
    const [device, keys, storage, version] = await Promise.all([
      crypto.getDeviceVerificationStatus(me, this.session.deviceId),
      crypto.getUserCrossSigningKeys(me),
      crypto.getSecretStorageStatus(),
      crypto.getActiveSessionBackupVersion(),
    ]);
    const verified = device?.crossSigningVerified === true;
    this.patch({
      session: verified ? "verified" : keys === null ? "no-identity" : "unverified",
      recovery: storage.ready ? "ready" : storage.defaultKeyId === null ? "missing" : "incomplete",
      backup: { on: version !== null, waiting: this.waiting },
      dehydrated: await hasDehydrated(crypto as CryptoBackend, me),
    });
    // The server may be asked: nothing else waits for that.
    void this.backupKey.read(crypto);
  }

  /**
   * Whether the recovery key opens that of the backup. That it does not is believed by a session of the account's identity,
   * and where there is no identity: another one may be shown less than there is.
   */
  private keysAreStored(): boolean | undefined {
    if (backupKeyIsStored(this.client)) return true;
    const { engine, session } = this.status.get();
    const own = session === "verified" || (session === "no-identity" && this.asked);
    return own || engine === "failed" ? false : undefined;
  }

  /** Asks the server which backup is the present one. */
  private async hasPresentBackupKey(): Promise<boolean> {
    const { trustInfo } = (await (await this.engine()).checkKeyBackupAndEnable()) ?? {};
    if (trustInfo === undefined) throw new Error("the server does not say which backup there is");
    return trustInfo.matchesDecryptionKey;
  }

  private patch(change: Partial<EncryptionStatus>): void {
    const next = { ...this.status.get(), ...change };
    if (!deepEqual(next, this.status.get())) this.status.set(next);
  }
}

/** Whether the recovery key opens that of the backup. */
function backupKeyIsStored(client: MatrixClient): boolean {
  const content = (type: string) => client.getAccountData(type as never)?.getContent<Record<string, unknown>>();
  const id = content("m.secret_storage.default_key")?.key;
  const encrypted = content("m.megolm_backup.v1")?.encrypted;
  return typeof id === "string" && typeof encrypted === "object" && encrypted !== null && id in encrypted;
}

async function hasDehydrated(crypto: CryptoBackend, userId: string): Promise<boolean> {
  const devices = (await crypto.getUserDeviceInfo([userId])).get(userId);
  return [...(devices?.values() ?? [])].some(({ dehydrated }) => dehydrated);
}
