/**
 * The signed-in account: owns the SDK's client and its store, and hands out what the view models work with. This folder
 * is the only one that touches the SDK; it is loaded after the sign-in screen.
 */
import { within } from "../lib/within.ts";
import {
  ClientEvent,
  createClient,
  HttpApiEvent,
  IndexedDBStore,
  type MatrixClient,
  PendingEventOrdering,
  RoomEvent,
  type RoomMember,
  type RoomNameState,
  RoomNameType,
  SyncState,
  User,
  UserEvent,
} from "matrix-js-sdk/lib/matrix.js";
import type { Logger } from "matrix-js-sdk/lib/logger.js";
import { idle } from "../lib/idle.ts";
import { Derived, Observable } from "../lib/observable.ts";
import { cleanName, localpart } from "../lib/text.ts";
import type { Calls } from "./calls/calls.ts";
import { Contacts } from "./contacts.ts";
import { Conversations } from "./conversations.ts";
import { Encryption } from "./crypto/encryption.ts";
import { SecretKey } from "./crypto/secrets.ts";
import { outboxFiles } from "./crypto/attachments.ts";
import { cryptoStorePrefix, newStorageKey, removeOldStores, storageKeyBytes } from "./crypto/storage.ts";
import { Vault } from "./crypto/vault.ts";
import { VERIFICATION_METHODS } from "./crypto/verification.ts";
import { Directory } from "./directory.ts";
import { ProblemError, problemOf } from "./errors.ts";
import { nameOf } from "./events.ts";
import { Gifs } from "./gifs.ts";
import { keepStored, writeInOrder } from "./keeping.ts";
import { withKeepalive } from "./keepalive.ts";
import { Media } from "./media.ts";
import { type Notice, watchNotices } from "./notices.ts";
import { Persons } from "./persons.ts";
import { OwnPresence } from "./presence.ts";
import { type Privacy, setPrivacy } from "./privacy.ts";
import { Push } from "./push.ts";
import { RoomHandle } from "./room.ts";
import { RoomDraft } from "./roomdraft.ts";
import { keepFirstRows } from "./rooms/first.ts";
import { Rooms } from "./rooms/rooms.ts";
import { SummaryStore } from "./rooms/store.ts";
import { Saved } from "./saved.ts";
import { ImagePacks } from "./imagepacks.ts";
import { Spaces } from "./spaces.ts";
import { Search } from "./search/search.ts";
import { removeTraces, type Session, storedSession, updateSession } from "./session.ts";
import { Synced, type SyncedOptions } from "./synced.ts";
import { watchEchoes } from "./outbox/echoes.ts";
import { Outbox } from "./outbox/outbox.ts";
import { SealedStore } from "./outbox/sealed.ts";
import { IndexedDbStore, type OutboxStore } from "./outbox/store.ts";
import { Wire } from "./outbox/wire.ts";
import { Tokens } from "./tokens.ts";
import { withKnownVersions } from "./versions.ts";
import { WebPush } from "./webpush.ts";
import type { ConnectionStatus, Person } from "./types.ts";

/** The encryption engine does not wait longer than this for a long list to be shown. */
const ENGINE_AFTER_MS = 1_000;
/** Nor does the question whether the server has calls. */
const CALLS_AFTER_MS = 2_000;
/** How long signing out waits for the server, and for the browser to remove what was stored. */
const LOGOUT_MS = 2_000;
const CLEAR_MS = 500;

/** Words for rooms without a name, in the person's language. */
export interface RoomNames {
  empty(): string;
  people(names: readonly string[], others: number): string;
  /** The account's own pack of pictures. */
  ownPack(): string;
}

export class Account {
  readonly status = new Observable<ConnectionStatus>("starting");
  readonly conversations: Conversations;
  readonly contacts: Contacts;
  readonly directory: Directory;
  readonly persons: Persons;
  readonly presence: OwnPresence;
  readonly push: Push;
  readonly webPush: WebPush;
  readonly media: Media;
  readonly encryption: Encryption;
  readonly saved: Saved;
  readonly gifs: Gifs;
  readonly spaces: Spaces;
  readonly packs: ImagePacks;
  readonly search: Search;
  readonly outbox: Outbox;
  readonly profile: Derived<Person>;
  /** Calls, once it is known that the server has them. */
  readonly calls = new Observable<Calls | undefined>(undefined);
  private readonly rooms: Rooms;
  private readonly handles = new Map<string, RoomHandle>();
  /** The present state has been stored for a reload without a connection. */
  private kept = false;
  /** The store has been read, or the first sync has come. */
  private opened = false;
  private showFirstScreen: () => void = () => undefined;
  private readonly firstScreen = new Promise<void>((resolve) => {
    this.showFirstScreen = resolve;
  });
  private shown = true;
  private readonly toStart: { start(): void }[] = [];
  private readonly stopKeeping: (() => void)[];
  /** The client is being started. */
  private starting: Promise<void> = Promise.resolve();
  private stopped = false;

  private constructor(
    private readonly client: MatrixClient,
    private readonly tokens: Tokens,
    private readonly session: Session,
    secret: SecretKey,
    names: RoomNames,
    private readonly summaries: SummaryStore,
  ) {
    this.rooms = new Rooms(client, summaries);
    this.encryption = new Encryption(client, session, secret);
    this.contacts = new Contacts(client, session, this.encryption.sealing);
    const outboxName = `im2.outbox:${session.userId}`;
    const wire = new Wire(client, session.homeserver, tokens, this.encryption.outgoing, this.rooms);
    this.outbox = new Outbox(outboxName, outboxStore(outboxName, session), wire);
    watchEchoes(client, this.outbox);
    client.on(RoomEvent.MyMembership, ({ roomId }, membership) => {
      if (membership === "leave" || membership === "ban") this.outbox.left(roomId);
    });
    this.outbox.onChange((roomId) => {
      const items = this.outbox.room(roomId).get();
      if (items.some(({ problem }) => problem?.kind === "offline")) this.keep();
    });
    this.conversations = new Conversations(
      client,
      this.outbox,
      this.rooms,
      (people, others) => (people.length === 0 ? names.empty() : names.people(people, others)),
      (userId) => this.contacts.get(userId)?.remark,
    );
    this.contacts.onChange(() => this.conversations.touchAll());
    this.encryption.sealing.onChange(() => void RoomDraft.sealAll(client, this.encryption.sealing));
    this.persons = new Persons(client, this.contacts, this.conversations, this.rooms);
    this.presence = new OwnPresence(client);
    this.push = new Push(client);
    this.directory = new Directory(client, this.conversations, this.rooms);
    this.webPush = new WebPush(client, session);
    this.saved = new Saved(client, this.rooms);
    this.gifs = new Gifs(client);
    this.spaces = new Spaces(client, this.directory, this.rooms);
    this.packs = new ImagePacks(client, this.spaces, this.rooms, () => names.ownPack());
    this.search = new Search(client, session, this.rooms, () => {
      const { session: trust, restoring } = this.encryption.status.get();
      return trust === "verified" && restoring === undefined;
    });
    this.encryption.status.subscribe(() => this.search.goOn());
    this.media = new Media(session.homeserver, tokens);
    this.profile = new Derived(
      () => this.describeMe(session.userId),
      (changed) => this.watchMe(session.userId, changed),
    );
    this.stopKeeping = [keepStored(client)];
    client.on(ClientEvent.Sync, (state, _previous, data) => this.onSync(state, data?.fromCache === true));
    client.on(HttpApiEvent.SessionLoggedOut, () => this.status.set("signed-out"));
  }

  /** Opens the store and starts to sync. What was stored last time is shown before the server has answered. */
  static async start(stored: Session, names: RoomNames): Promise<Account> {
    const session = withStorageKey(stored);
    const tokens = new Tokens(session);
    const secret = new SecretKey();
    const summaries = new SummaryStore(`im2.rooms:${session.userId}`);
    const client = await openClient(session, tokens, names, secret);
    tokens.onChange((accessToken) => client.setAccessToken(accessToken));
    client.setAccessToken(await tokens.fresh());
    const account = new Account(client, tokens, session, secret, names, summaries);
    window.addEventListener("online", account.reconnect);
    window.addEventListener("offline", account.disconnected);
    account.starting = account.startSync();
    const [rows] = await Promise.all([summaries.loadFirst(), account.contacts.load()]);
    account.conversations.showStored(rows);
    if (rows.length === 0) await account.starting;
    else account.starting.catch((error: unknown) => console.error(error));
    return account;
  }

  private async startSync(): Promise<void> {
    await this.rooms.start();
    await this.client.startClient({
      initialSyncLimit: 20,
      lazyLoadMembers: true,
      threadSupport: true,
      pendingEventOrdering: PendingEventOrdering.Detached,
      clientWellKnownPollPeriod: undefined,
    });
    if (this.stopped) this.client.stopClient();
    else void this.startEncryption();
    void this.startCalls();
  }

  /** Account data that is merged with what other devices write. Starts once the store has been read. */
  synced<T>(options: SyncedOptions<T>): Synced<T> {
    const synced = new Synced(this.client, options);
    if (this.opened) synced.start();
    else this.toStart.push(synced);
    return synced;
  }

  /** What others hear of this account from now on. */
  setPrivacy({ presence, ...rest }: Privacy & { presence: boolean }): void {
    setPrivacy(rest);
    this.shown = presence;
    if (this.opened) void this.presence.show(presence).catch(() => undefined);
  }

  /** Tells of the messages that the push rules notify of, as they arrive. */
  watchNotices(tell: (notice: Notice) => void): () => void {
    return watchNotices(this.client, this.conversations, tell);
  }

  /** Whether a message has been read, as far as the server's news has come. */
  hasRead(roomId: string, eventId: string): boolean {
    const room = this.client.getRoom(roomId);
    return room?.findEventById(eventId) !== undefined && room.hasUserReadEvent(this.userId, eventId);
  }

  /** The address of the server. */
  get homeserver(): string {
    return this.client.baseUrl;
  }

  get userId(): string {
    return this.client.getSafeUserId();
  }

  /** What is known of somebody without asking the server. */
  person(userId: string): Person {
    const user = this.client.getUser(userId);
    const listed = this.rooms.person(userId);
    return {
      id: userId,
      name: nameOf(user?.displayName ?? listed?.name, userId),
      avatar: user?.avatarUrl || listed?.avatar,
    };
  }

  /** The handle of a room, which is loaded first where only its summary is here; nothing for strangers to it. */
  async openRoom(roomId: string): Promise<RoomHandle | undefined> {
    await this.firstScreen;
    if (this.rooms.isJoined(roomId)) await this.rooms.load([roomId]);
    return this.room(roomId);
  }

  /** Loads rooms in the background, so that they open at once. */
  async loadRooms(roomIds: readonly string[]): Promise<void> {
    await this.firstScreen;
    await this.rooms.load(roomIds);
  }

  /** The handle of a joined room that is loaded, or of one that was left while it was open. */
  room(roomId: string): RoomHandle | undefined {
    const known = this.handles.get(roomId);
    if (known !== undefined) return known;
    const room = this.client.getRoom(roomId);
    if (room === null) return undefined;
    const { shields, sealing } = this.encryption;
    const handle = new RoomHandle(this.client, room, this.conversations, this.outbox, shields, sealing);
    this.handles.set(roomId, handle);
    return handle;
  }

  /** Computes the names of rooms without one again, after the language has changed. */
  renameRooms(): void {
    for (const room of this.client.getRooms()) room.recalculate();
    this.conversations.touchAll();
  }

  /** Tries to reach the server now instead of at the next attempt. */
  readonly reconnect = (): void => {
    // Where the long poll has outlived the interruption there is nothing to retry.
    if (!this.client.retryImmediately() && this.client.getSyncState() === SyncState.Syncing) this.connected();
  };

  async setName(name: string): Promise<void> {
    await this.client.setDisplayName(name);
    await this.loadProfile();
  }

  async setPicture(file: File): Promise<void> {
    const { content_uri: url } = await this.client.uploadContent(file, { type: file.type });
    await this.client.setAvatarUrl(url);
    await this.loadProfile();
  }

  async removePicture(): Promise<void> {
    await this.client.setAvatarUrl("");
    await this.loadProfile();
  }

  async setPassword(current: string, next: string, signOutOthers: boolean): Promise<void> {
    const auth = {
      type: "m.login.password",
      identifier: { type: "m.id.user", user: this.userId },
      password: current,
    } as const;
    try {
      await this.client.setPassword(auth, next, signOutOthers);
    } catch (error) {
      // A refused password comes back as another round of user-interactive authentication.
      const refused = (error as { httpStatus?: number }).httpStatus === 401 || problemOf(error).kind === "forbidden";
      throw refused ? new ProblemError({ kind: "wrong-credentials" }) : error;
    }
  }

  /** Stops everything and closes the stores, which stay as they are: another tab goes on with them. */
  async giveWay(): Promise<void> {
    await this.stop();
    await this.rooms.stop();
    // What has been received is stored, so that the other tab need not fetch it again.
    await this.client.store.save(true).catch(() => undefined);
    await this.client.store.destroy().catch(() => undefined);
  }

  /**
   * Ends the account for good. With `erase`, what it has sent is no longer shown to people who come later (spec: "Account
   * deactivation").
   */
  async deactivate(password: string, erase: boolean): Promise<void> {
    const identifier = { type: "m.id.user", user: this.userId };
    try {
      await this.client.deactivateAccount({ type: "m.login.password", identifier, password }, erase);
    } catch (error) {
      const refused = (error as { httpStatus?: number }).httpStatus === 401 || problemOf(error).kind === "forbidden";
      throw refused ? new ProblemError({ kind: "wrong-credentials" }) : error;
    }
  }

  /** What the server keeps about the account, as a file. */
  async takeOut(): Promise<File> {
    const { takeOut } = await import("./takeout.ts");
    return takeOut(this.client);
  }

  /** Removes the rooms and messages that are kept here, not the keys: the next start fetches them anew. */
  async clearStored(): Promise<void> {
    await this.stop();
    await Promise.all([this.rooms.destroy(), this.client.clearStores()]);
  }

  /**
   * Ends the session here and on the server. The local data goes even if the server cannot be reached. Answers as
   * {@link forget} does.
   */
  async signOut(): Promise<boolean> {
    const loggedOut = this.client.logout(true).catch(() => undefined);
    const gone = await this.forget();
    await within(LOGOUT_MS, loggedOut);
    return gone;
  }

  /**
   * Removes everything of this account from the browser. False when the keys' database is still there: what the engine
   * made keeps it open until the browser collects that. A page that loads anew has let go of it, and removes it.
   */
  async forget(): Promise<boolean> {
    await this.stop();
    removeTraces(this.userId);
    const cryptoDatabasePrefix = cryptoStorePrefix(this.session);
    // Whoever signs out does not wait for what hangs.
    await within(
      CLEAR_MS,
      this.webPush.forget().catch(() => undefined),
    );
    const removed = [
      this.outbox.destroy(),
      this.search.destroy(),
      this.rooms.destroy(),
      this.client.clearStores({ cryptoDatabasePrefix }),
    ];
    const gone = await within(CLEAR_MS, Promise.allSettled(removed));
    // What was under way has left its own; whoever has signed in again meanwhile keeps theirs.
    if (storedSession(this.userId) === undefined) removeTraces(this.userId);
    return gone;
  }

  private async stop(): Promise<void> {
    for (const stop of this.stopKeeping.splice(0)) stop();
    this.stopped = true;
    // Whoever signs out while it starts does not wait for what hangs.
    await within(
      CLEAR_MS,
      this.starting.catch(() => undefined),
    );
    window.removeEventListener("online", this.reconnect);
    window.removeEventListener("offline", this.disconnected);
    // Whoever is in a call says that they leave it while the client can still say so.
    await within(CLEAR_MS, this.calls.get()?.stop() ?? Promise.resolve());
    const stopped = Promise.all([this.encryption.stop(), this.search.stop(), this.contacts.stop()]);
    this.client.stopClient();
    this.tokens.stop();
    this.webPush.stop();
    this.outbox.stop();
    this.media.clear();
    await stopped;
  }

  /** The engine is large: a long list comes before it. Where the first sync waits for it, the screen does not. */
  private async startEncryption(): Promise<void> {
    if (this.rooms.many) {
      await Promise.race([this.firstScreen, new Promise((resolve) => setTimeout(resolve, ENGINE_AFTER_MS))]);
      await idle(ENGINE_AFTER_MS);
    }
    void removeOldStores().catch(() => undefined);
    const connected = new Promise<void>((resolve) => {
      const check = () => {
        if (this.status.get() !== "connected") return;
        stop();
        resolve();
      };
      const stop = this.status.subscribe(check);
      check();
    });
    await this.encryption.start(connected);
    if (this.encryption.status.get().engine !== "ready") return this.search.unavailable();
    void this.search.start();
    this.encryption.onKeys(() => this.search.keysCame());
    updateSession(this.session, { keysMade: true });
  }

  /** What is shown first comes before it. A server that has no calls has none until the next start. */
  private async startCalls(): Promise<void> {
    await this.firstScreen;
    await idle(CALLS_AFTER_MS);
    const { findCalls } = await import("./calls/find.ts");
    const calls = await findCalls(this.client, this.conversations, this.status, (roomId) => this.openRoom(roomId));
    if (this.stopped) await calls?.stop();
    else this.calls.set(calls);
  }

  async loadProfile(): Promise<void> {
    const info = await this.client.getProfileInfo(this.userId).catch(() => undefined);
    if (info === undefined) return;
    const me = this.client.getUser(this.userId) ?? this.createMe();
    me.setDisplayName(info.displayname ?? localpart(this.userId));
    me.setAvatarUrl(info.avatar_url ?? "");
    this.profile.changed();
    updateSession(this.session, { name: this.profile.get().name });
  }

  private createMe() {
    const user = new User(this.userId);
    this.client.store.storeUser(user);
    return user;
  }

  private onSync(state: SyncState, fromCache: boolean): void {
    switch (state) {
      case SyncState.Prepared:
        this.conversations.start();
        this.spaces.start();
        if (!this.opened) this.open();
        // What was stored is shown, but it is not yet the present.
        if (!fromCache) this.status.set("connected");
        void this.loadProfile();
        break;
      case SyncState.Syncing:
        this.connected();
        break;
      case SyncState.Reconnecting:
      case SyncState.Error:
        this.disconnected();
        break;
      default:
        break;
    }
  }

  private open(): void {
    this.opened = true;
    this.showFirstScreen();
    this.stopKeeping.push(keepFirstRows(this.conversations.list, this.summaries));
    this.contacts.start();
    this.gifs.start();
    for (const waiting of this.toStart.splice(0)) waiting.start();
    void this.presence.show(this.shown).catch(() => undefined);
  }

  private connected(): void {
    this.status.set("connected");
    this.kept = false;
    this.outbox.reconnected();
  }

  private readonly disconnected = (): void => {
    if (this.status.get() !== "signed-out") this.status.set("reconnecting");
    this.keep();
  };

  /** Stores what is known, once in an outage; the SDK does so every few minutes. */
  private keep(): void {
    if (this.kept) return;
    this.kept = true;
    this.client.store.save(true).catch(() => undefined);
  }

  private describeMe(userId: string): Person {
    const user = this.client.getUser(userId);
    return {
      id: userId,
      name: nameOf(user?.displayName, userId),
      avatar: user?.avatarUrl || undefined,
    };
  }

  private watchMe(userId: string, changed: () => void): () => void {
    const onUser = (_event: unknown, user: { userId: string }) => {
      if (user.userId === userId) changed();
    };
    this.client.on(UserEvent.DisplayName, onUser);
    this.client.on(UserEvent.AvatarUrl, onUser);
    return () => {
      this.client.off(UserEvent.DisplayName, onUser);
      this.client.off(UserEvent.AvatarUrl, onUser);
    };
  }
}

/** On pages that came over no safe connection the browser cannot encrypt. */
function outboxStore(name: string, session: Session): OutboxStore {
  const store = new IndexedDbStore(name);
  const key = storageKeyBytes(session);
  return key !== undefined && Vault.available
    ? new SealedStore(store, new Vault(key, "im2 outbox"), outboxFiles)
    : store;
}

/** A session from before there was encryption gets its key now. */
function withStorageKey(session: Session): Session {
  if (session.storageKey !== undefined) return session;
  const complete = { ...session, storageKey: newStorageKey() };
  updateSession(session, complete);
  return complete;
}

/** A client on the stored data, or where the browser stores nothing, on memory alone. */
async function openClient(
  session: Session,
  tokens: Tokens,
  names: RoomNames,
  secret: SecretKey,
): Promise<MatrixClient> {
  const create = (store?: IndexedDBStore) => {
    const client: MatrixClient = createClient({
      baseUrl: session.homeserver,
      userId: session.userId,
      deviceId: session.deviceId,
      accessToken: session.accessToken,
      fetchFn: withKeepalive(withKnownVersions(tokens.fetch, session.userId)),
      store,
      timelineSupport: true,
      cryptoCallbacks: secret.callbacks,
      verificationMethods: VERIFICATION_METHODS,
      logger: QUIET,
      roomNameGenerator: (roomId, state) => roomName(state, names, () => client.getRoom(roomId)?.getMembers() ?? []),
    });
    return client;
  };
  try {
    const store = new IndexedDBStore({ indexedDB, dbName: storeName(session.userId), localStorage });
    writeInOrder(store);
    const client = create(store);
    await store.startup();
    return client;
  } catch (error) {
    console.warn("nothing can be stored, every start will fetch everything again", error);
    return create();
  }
}

const ignore = () => undefined;

/** The SDK tells of every request; only what went wrong belongs in the console. */
const QUIET: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: console.warn.bind(console),
  error: console.error.bind(console),
  getChild: () => QUIET,
};

function storeName(userId: string): string {
  return `im2:${userId}`;
}

function roomName(state: RoomNameState, names: RoomNames, members: () => readonly RoomMember[]): string {
  const idOf = (name: string) => members().find((member) => member.name === name)?.userId ?? "?";
  switch (state.type) {
    case RoomNameType.Actual:
      return cleanName(state.name) || names.empty();
    case RoomNameType.Generated:
      return names.people(
        // They come without their ids, which only a name that cannot be seen needs.
        state.names.map((name) => nameOf(name, cleanName(name) === "" ? idOf(name) : name)),
        Math.max(0, state.count - state.names.length),
      );
    default:
      return state.oldName === undefined ? names.empty() : localpart(state.oldName);
  }
}
