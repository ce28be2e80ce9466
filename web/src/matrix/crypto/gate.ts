/**
 * Lets the client be used before the encryption engine is there. The SDK wants the engine before the first sync; here
 * the sync begins at once, and what the engine has to see waits for it: keys that other devices have sent are never
 * acknowledged before they are stored, and nothing is sent as plain text because the engine was late.
 */
import { ClientEvent, EventType, type MatrixClient, type MatrixEvent, type Room } from "matrix-js-sdk/lib/matrix.js";
import type {
  CryptoBackend,
  SyncCryptoCallbacks,
  SyncCryptoChanges,
} from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import { CryptoEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { deepEqual } from "../../lib/equal.ts";
import { within } from "../../lib/within.ts";

/** The engine; nothing if this browser cannot run it. */
export type Engine = CryptoBackend | undefined;

/** What the SDK keeps to itself and has no other way in for. */
interface Internals {
  buildSyncApiOptions(): { cryptoCallbacks?: SyncCryptoCallbacks };
  encryptEventIfNeeded(event: MatrixEvent, room?: Room): Promise<void>;
}

/** In place of the numbers of keys on the server, where the server was not asked (`rooms/rooms.ts`). */
export const UNCHANGED_KEY_COUNTS: Record<string, number> = Object.freeze({});

/**
 * Numbers of keys that are still the same are told again after this long, in milliseconds. Each time, the engine copies its
 * account and stores it, some 10 ms in which no message is shown; in between it may have made keys and lost them again.
 */
const TOLD_AGAIN_AFTER = 60_000;
/**
 * After an answer of the server in which nothing was for the engine, it looks for requests to make within this, in
 * milliseconds, and not each time: it reads its store for that, some 15 ms of work. What it does for somebody who waits for
 * it, it asks for itself.
 */
const REQUESTS_AFTER = 1_500;
/** How long an invitation waits for this session's identity, in milliseconds. */
const SETTLED_WITHIN = 10_000;
/** Events of the first seconds that may concern the engine, which then hears of them late. */
const REMEMBERED_EVENTS = 500;

export class Gate implements SyncCryptoCallbacks {
  private engine: Engine;
  private opened: (engine: Engine) => void = () => undefined;
  /** Resolves when the engine can be used, or when it is known that it cannot. */
  readonly open = new Promise<Engine>((resolve) => {
    this.opened = resolve;
  });
  /** What was put off goes to the engine in this order. */
  private late: Promise<unknown> = this.open;
  private events: MatrixEvent[] | undefined = [];
  /** Rooms that the engine did not know to be encrypted when it had last heard of one that is. */
  private readonly plain = new Set<string>();
  private encryptions = 0;
  /** The numbers of keys on the server, as the engine has heard them. */
  private told: { numbers?: unknown; until: number } = { until: 0 };
  /** Whether the engine has heard something since it last looked for requests. */
  private heard = false;
  private requests: ReturnType<typeof setTimeout> | undefined;

  /**
   * `beforeSending` may refuse, with an error in words. `settled` resolves when this session has its identity: only from
   * such a session others take the keys to what was said before.
   */
  constructor(
    private readonly client: MatrixClient,
    beforeSending: (engine: Engine, room: Room) => Promise<void>,
    settled: Promise<void>,
  ) {
    const internals = client as unknown as Internals;
    const buildOptions = internals.buildSyncApiOptions.bind(client);
    internals.buildSyncApiOptions = () => ({ ...buildOptions(), cryptoCallbacks: this });
    const encrypt = internals.encryptEventIfNeeded.bind(client);
    internals.encryptEventIfNeeded = async (event, room) => {
      const plain = event.getType() === EventType.Reaction || event.isRedaction();
      if (room !== undefined && !plain) await beforeSending(await this.open, room);
      await encrypt(event, room);
    };
    const { invite, joinRoom } = client;
    // The keys to what was said before go with an invitation, and are awaited by who accepts one.
    client.invite = async (roomId, ...rest) => {
      if ((await this.openFor(roomId)) !== undefined) await within(SETTLED_WITHIN, settled);
      return invite.call(client, roomId, ...rest);
    };
    client.joinRoom = async (roomId, ...rest) => {
      await this.openFor(roomId);
      return joinRoom.call(client, roomId, ...rest);
    };
    client.on(ClientEvent.Event, this.remember);
  }

  /** The engine, where a room needs it. */
  private async openFor(roomId: string): Promise<Engine> {
    return this.client.getRoom(roomId)?.hasEncryptionStateEvent() === true ? this.open : undefined;
  }

  /** The engine is there: it hears of what it has missed, and everything that waits is decrypted. */
  async start(engine: Engine): Promise<void> {
    this.engine = engine;
    this.client.off(ClientEvent.Event, this.remember);
    if (engine !== undefined) {
      for (const room of this.client.getRooms()) await this.configure(engine, room);
    }
    this.opened(engine);
    if (engine === undefined) return;
    for (const event of this.events ?? []) {
      await (engine as unknown as { onLiveEventFromSync(event: MatrixEvent): Promise<void> }).onLiveEventFromSync(
        event,
      );
    }
    this.events = undefined;
    for (const room of this.client.getRooms()) void room.decryptCriticalEvents();
    // What is on the screen is decrypted by who shows it.
    this.client.emit(CryptoEvent.KeysChanged, {});
  }

  async processSyncChanges(changes: SyncCryptoChanges): ReturnType<SyncCryptoCallbacks["processSyncChanges"]> {
    const { toDeviceEvents, deviceLists, oneTimeKeysCounts, unusedFallbackKeys } = changes;
    if (oneTimeKeysCounts === UNCHANGED_KEY_COUNTS) return [];
    const { changed = [], left = [] } = deviceLists ?? {};
    const canWait = toDeviceEvents.length === 0 && changed.length === 0 && left.length === 0;
    const numbers = { oneTimeKeysCounts, unusedFallbackKeys };
    const now = Date.now();
    if (canWait && now < this.told.until && deepEqual(numbers, this.told.numbers)) return [];
    this.told = { numbers, until: now + TOLD_AGAIN_AFTER };
    this.heard = true;
    if (this.engine === undefined && canWait) {
      this.later((engine) => engine.processSyncChanges(changes));
      return [];
    }
    const engine = await this.open;
    await this.late;
    return (await engine?.processSyncChanges(changes)) ?? [];
  }

  async onCryptoEvent(room: Room, event: MatrixEvent): Promise<void> {
    this.plain.clear();
    this.encryptions++;
    this.heard = true;
    // Rooms from before are configured when the engine starts.
    await this.engine?.onCryptoEvent(room, event);
  }

  /** Whether the engine knows a room to be encrypted. It reads its store for that: once, for a room that it does not know. */
  async remembers(roomId: string): Promise<boolean> {
    if (this.plain.has(roomId)) return false;
    const engine = await this.open;
    const { encryptions } = this;
    const encrypted = (await engine?.isEncryptionEnabledInRoom(roomId)) === true;
    if (!encrypted && encryptions === this.encryptions) this.plain.add(roomId);
    return encrypted;
  }

  onSyncCompleted(state: Parameters<SyncCryptoCallbacks["onSyncCompleted"]>[0]): void {
    const look = () => {
      clearTimeout(this.requests);
      this.requests = undefined;
      this.heard = false;
      if (this.engine === undefined) this.later((engine) => engine.onSyncCompleted(state));
      else this.engine.onSyncCompleted(state);
    };
    if (this.heard) look();
    else this.requests ??= setTimeout(look, REQUESTS_AFTER);
  }

  async markAllTrackedUsersAsDirty(): Promise<void> {
    await (await this.open)?.markAllTrackedUsersAsDirty();
  }

  private later(work: (engine: CryptoBackend) => unknown): void {
    this.late = this.late.then(async () => {
      const engine = await this.open;
      if (engine === undefined) return;
      await Promise.resolve(work(engine)).catch((error) => console.warn("the encryption engine lags behind", error));
    });
  }

  private async configure(engine: CryptoBackend, room: Room): Promise<void> {
    const event = room.currentState.getStateEvents(EventType.RoomEncryption, "");
    if (event !== null) await engine.onCryptoEvent(room, event).catch((error) => console.warn(room.roomId, error));
  }

  private readonly remember = (event: MatrixEvent): void => {
    if (this.events === undefined || event.isState() || event.getRoomId() === undefined) return;
    const type = event.getType();
    if (type !== EventType.RoomMessage && type !== EventType.RoomMessageEncrypted && !type.startsWith("m.key.")) return;
    if (this.events.length < REMEMBERED_EVENTS) this.events.push(event);
  };
}

/** Begins to decrypt an event that is shown, if that has not been tried. */
export function wantDecrypted(client: MatrixClient, event: MatrixEvent): void {
  if (event.shouldAttemptDecryption()) void client.decryptEventIfNeeded(event);
}
