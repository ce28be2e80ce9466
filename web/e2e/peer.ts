/** Somebody who uses another client: matrix-js-sdk with its Rust cryptography, in this process. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import * as sdk from "matrix-js-sdk";
import {
  CryptoEvent,
  decodeRecoveryKey,
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  VerifierEvent,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { freshName, PASSWORD } from "./people.ts";

// The SDK is written for Node 22; this is what Node 20 lacks of what it uses.
const promises = Promise as unknown as { withResolvers?: () => unknown };
promises.withResolvers ??= function withResolvers(this: PromiseConstructor) {
  const handle: Record<string, unknown> = {};
  handle.promise = new this((resolve, reject) => Object.assign(handle, { resolve, reject }));
  return handle;
};
(logger as unknown as { disableAll(): void }).disableAll();

const quiet = () => undefined;
const silent = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, getChild: () => silent };

const DEADLINE_MS = 60_000;
/** The key to whatever secret storage there is. */
const ANY = "any";

export class Peer {
  private constructor(
    readonly client: sdk.MatrixClient,
    readonly name: string,
    private readonly keys: Map<string, Uint8Array<ArrayBuffer>>,
  ) {}

  static async register(baseUrl: string, base: string): Promise<Peer> {
    const name = freshName(base);
    const anybody = sdk.createClient({ baseUrl, logger: silent });
    // The test server's tokens expire within seconds; one without refreshing lives on.
    const request = { username: name, password: PASSWORD, auth: { type: "m.login.dummy" } };
    const answer = await anybody.registerRequest(request);
    const peer = await Peer.start(baseUrl, name, answer);
    await peer.client.getCrypto()?.bootstrapCrossSigning({
      authUploadDeviceSigningKeys: async (make) => {
        await make(null);
      },
    });
    return peer;
  }

  /** Signs in to an account that there is, with a session that nobody has verified. */
  static async signIn(baseUrl: string, name: string): Promise<Peer> {
    const anybody = sdk.createClient({ baseUrl, logger: silent });
    const identifier = { type: "m.id.user", user: name };
    const answer = await anybody.loginRequest({ type: "m.login.password", identifier, password: PASSWORD });
    return Peer.start(baseUrl, name, answer);
  }

  private static async start(
    baseUrl: string,
    name: string,
    session: { user_id: string; device_id?: string; access_token?: string },
  ): Promise<Peer> {
    const keys = new Map<string, Uint8Array<ArrayBuffer>>();
    const client = sdk.createClient({
      baseUrl,
      logger: silent,
      userId: session.user_id,
      deviceId: session.device_id,
      accessToken: session.access_token,
      cryptoCallbacks: {
        getSecretStorageKey: async ({ keys: wanted }) => {
          const [id] = Object.keys(wanted);
          const key = keys.get(id ?? "") ?? keys.get(ANY);
          return id === undefined || key === undefined ? null : [id, key];
        },
        cacheSecretStorageKey: (id, _info, key) => void keys.set(id, key),
      },
    });
    await client.initRustCrypto({ useIndexedDB: false });
    await client.startClient({ initialSyncLimit: 20, pollTimeout: 5000, threadSupport: true });
    const peer = new Peer(client, name, keys);
    await peer.until("the first sync", () => client.isInitialSyncComplete() || undefined);
    return peer;
  }

  /** Sets up a recovery key and a backup of the keys, waits until they are in it, and answers with the key. */
  async saveRecovery(): Promise<string> {
    const crypto = this.client.getCrypto();
    const key = await crypto?.createRecoveryKeyFromPassphrase();
    if (crypto === undefined || key === undefined) throw new Error("no cryptography");
    await crypto.bootstrapSecretStorage({
      createSecretStorageKey: async () => key,
      setupNewSecretStorage: true,
      setupNewKeyBackup: true,
    });
    const deadline = Date.now() + DEADLINE_MS;
    const backedUp = () => this.client.http.authedRequest<{ count: number }>(sdk.Method.Get, "/room_keys/version");
    while ((await backedUp()).count === 0) {
      if (Date.now() > deadline) throw new Error("no key was backed up");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return key.encodedPrivateKey ?? "";
  }

  /** Restores the backup of the keys with a recovery key that another client has made; answers with their number. */
  async recover(recoveryKey: string): Promise<number> {
    this.keys.set(ANY, decodeRecoveryKey(recoveryKey));
    const crypto = this.client.getCrypto();
    await crypto?.loadSessionBackupPrivateKeyFromSecretStorage();
    return (await crypto?.restoreKeyBackup())?.imported ?? 0;
  }

  /** The event with this text, once it is there and decrypted. */
  event(roomId: string, body: string): Promise<sdk.MatrixEvent> {
    return this.until(body, () =>
      this.client
        .getRoom(roomId)
        ?.getLiveTimeline()
        .getEvents()
        .find((event) => {
          void this.client.decryptEventIfNeeded(event);
          return !event.isDecryptionFailure() && event.getContent().body === body;
        }),
    );
  }

  /** Sends something that refers to an event. */
  async send(roomId: string, type: string, content: object): Promise<void> {
    await this.client.sendEvent(roomId, type as never, content as never);
  }

  /** The reactions to an event, once there are any. */
  reactionsTo(roomId: string, eventId: string): Promise<string[]> {
    return this.until("a reaction", () => {
      const relations = this.client.getRoom(roomId)?.relations;
      const found = relations
        ?.getChildEventsForEvent(eventId, "m.annotation", "m.reaction")
        ?.getSortedAnnotationsByKey();
      return found === undefined || found === null || found.length === 0 ? undefined : found.map(([emoji]) => emoji);
    });
  }

  /** Joins the room of the next invitation, and answers with its id. */
  async join(): Promise<string> {
    const room = await this.until("an invitation", () =>
      this.client.getRooms().find((room) => room.getMyMembership() === "invite"),
    );
    await this.client.joinRoom(room.roomId);
    await this.encrypted(room.roomId);
    return room.roomId;
  }

  /** Resolves when the client knows that a room is encrypted. */
  async encrypted(roomId: string): Promise<void> {
    await this.until("the encryption", () => this.client.getRoom(roomId)?.hasEncryptionStateEvent() || undefined);
    // The engine hears of it a little later than the room does.
    while ((await this.client.getCrypto()?.isEncryptionEnabledInRoom(roomId)) !== true) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The content of the message with this text, once it is there and decrypted. */
  reads(roomId: string, body: string): Promise<sdk.IContent> {
    return this.until(body, () =>
      this.client
        .getRoom(roomId)
        ?.getLiveTimeline()
        .getEvents()
        .map((event) => {
          void this.client.decryptEventIfNeeded(event);
          return event.isEncrypted() && !event.isDecryptionFailure() ? event.getContent() : undefined;
        })
        .find((content) => content?.body === body),
    );
  }

  /** Accepts the next verification; `compare` is told the emoji, and says whether they are right. */
  async verify(compare: (emoji: string[]) => Promise<void>): Promise<void> {
    const request = await new Promise<VerificationRequest>((resolve) => {
      this.client.once(CryptoEvent.VerificationRequestReceived, resolve);
    });
    await request.accept();
    await this.phase(request, VerificationPhase.Started);
    const { verifier } = request;
    if (verifier === undefined) throw new Error("the verification has not begun");
    const shown = new Promise<ShowSasCallbacks>((resolve) => {
      verifier.once(VerifierEvent.ShowSas, resolve);
    });
    const verified = verifier.verify();
    const sas = await shown;
    await compare(sas.sas.emoji?.map(([symbol]) => symbol) ?? []);
    await sas.confirm();
    await verified;
  }

  /** Accepts the next verification and shows a code, which is given to `scan`; answers when the two are verified. */
  async showCode(scan: (code: Uint8ClampedArray) => Promise<void>): Promise<void> {
    const request = await this.accepted();
    const code = await request.generateQRCode();
    if (code === undefined) throw new Error("there is no code to show");
    await scan(code);
    await this.phase(request, VerificationPhase.Started);
    const { verifier } = request;
    const verified = verifier?.verify();
    await this.poll("the scan", () => verifier?.getReciprocateQrCodeCallbacks() ?? undefined).then((qr) =>
      qr.confirm(),
    );
    await verified;
  }

  /** Accepts the next verification and scans the code that the other side shows. */
  async scanCode(look: () => Promise<Uint8ClampedArray>): Promise<void> {
    const request = await this.accepted();
    const verifier = await request.scanQRCode(await look());
    await verifier.verify();
  }

  private async accepted(): Promise<VerificationRequest> {
    const request = await new Promise<VerificationRequest>((resolve) => {
      this.client.once(CryptoEvent.VerificationRequestReceived, resolve);
    });
    await request.accept();
    await this.phase(request, VerificationPhase.Ready);
    return request;
  }

  /** Sends an encrypted picture, encrypted here by hand as the specification has it. */
  async sendPicture(roomId: string, name: string, data: Buffer): Promise<void> {
    const key = randomBytes(32);
    const iv = Buffer.concat([randomBytes(8), Buffer.alloc(8)]);
    const cipher = createCipheriv("aes-256-ctr", key, iv);
    const encrypted = Buffer.concat([cipher.update(data), cipher.final()]);
    const sha256 = createHash("sha256").update(encrypted).digest("base64").replace(/=+$/, "");
    const { content_uri: url } = await this.client.uploadContent(new Blob([new Uint8Array(encrypted)]), {
      type: "application/octet-stream",
    });
    const jwk = {
      alg: "A256CTR",
      ext: true,
      k: key.toString("base64url"),
      key_ops: ["encrypt", "decrypt"],
      kty: "oct",
    };
    const file = { v: "v2", url, key: jwk, iv: iv.toString("base64").replace(/=+$/, ""), hashes: { sha256 } };
    const content = { msgtype: "m.image", body: name, file, info: { mimetype: "image/png", size: data.length } };
    await this.client.sendEvent(roomId, "m.room.message" as never, content as never);
  }

  /** Downloads an encrypted file and decrypts it by hand. */
  async download(content: sdk.IContent): Promise<Buffer> {
    const file = content.file as { url: string; key: { k: string }; iv: string; hashes: { sha256: string } };
    const url = this.client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true) ?? "";
    const headers = { Authorization: `Bearer ${this.client.getAccessToken()}` };
    const encrypted = Buffer.from(await (await fetch(url, { headers })).arrayBuffer());
    const sha256 = createHash("sha256").update(encrypted).digest("base64").replace(/=+$/, "");
    if (sha256 !== file.hashes.sha256) throw new Error("the hash does not fit");
    const { key, iv } = file;
    const cipher = createDecipheriv("aes-256-ctr", Buffer.from(key.k, "base64url"), Buffer.from(iv, "base64"));
    return Buffer.concat([cipher.update(encrypted), cipher.final()]);
  }

  stop(): void {
    this.client.stopClient();
  }

  private phase(request: VerificationRequest, wanted: VerificationPhase): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (request.phase === VerificationPhase.Cancelled) reject(new Error(`cancelled: ${request.cancellationCode}`));
        if (request.phase !== wanted) return;
        request.off(VerificationRequestEvent.Change, look);
        resolve();
      };
      request.on(VerificationRequestEvent.Change, look);
      look();
    });
  }

  private async poll<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Looks again whenever the client has noticed something. */
  private until<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const signals = [sdk.ClientEvent.Sync, sdk.RoomEvent.Timeline, sdk.MatrixEventEvent.Decrypted] as const;
      const check = () => {
        const found = look();
        if (found === undefined) return;
        clearTimeout(timer);
        for (const signal of signals) this.client.off(signal, check);
        resolve(found);
      };
      const timer = setTimeout(() => {
        const rooms = this.client.getRooms().map((room) => room.getMyMembership());
        reject(new Error(`waited in vain for ${what}; ${this.client.getSyncState()}, rooms: ${rooms.join()}`));
      }, DEADLINE_MS);
      for (const signal of signals) this.client.on(signal, check);
      check();
    });
  }
}
