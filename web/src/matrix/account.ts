/**
 * The signed-in account: owns the SDK's client and its store, and hands out what the view models work with. This folder
 * is the only one that touches the SDK; it is loaded after the sign-in screen.
 */
import {
  ClientEvent,
  createClient,
  HttpApiEvent,
  IndexedDBStore,
  type MatrixClient,
  PendingEventOrdering,
  type RoomNameState,
  RoomNameType,
  SyncState,
  User,
  UserEvent,
} from "matrix-js-sdk/lib/matrix.js";
import type { Logger } from "matrix-js-sdk/lib/logger.js";
import { Derived, Observable } from "../lib/observable.ts";
import { cleanName, localpart } from "../lib/text.ts";
import { Conversations } from "./conversations.ts";
import { Directory } from "./directory.ts";
import { ProblemError, problemOf } from "./errors.ts";
import { nameOf } from "./events.ts";
import { Media } from "./media.ts";
import { RoomHandle } from "./room.ts";
import { resendWaiting } from "./sending.ts";
import type { Session } from "./session.ts";
import { Tokens } from "./tokens.ts";
import type { ConnectionStatus, Person } from "./types.ts";

/** Words for rooms without a name, in the person's language. */
export interface RoomNames {
  empty(): string;
  people(names: readonly string[], others: number): string;
}

export class Account {
  readonly status = new Observable<ConnectionStatus>("starting");
  readonly conversations: Conversations;
  readonly directory: Directory;
  readonly media: Media;
  readonly profile: Derived<Person>;
  private readonly rooms = new Map<string, RoomHandle>();
  private resending = false;

  private constructor(
    private readonly client: MatrixClient,
    private readonly tokens: Tokens,
    session: Session,
  ) {
    this.conversations = new Conversations(client);
    this.directory = new Directory(client, this.conversations);
    this.media = new Media(session.homeserver, tokens);
    this.profile = new Derived(
      () => this.describeMe(session.userId),
      (changed) => this.watchMe(session.userId, changed),
    );
    client.on(ClientEvent.Sync, (state, _previous, data) => this.onSync(state, data?.fromCache === true));
    client.on(HttpApiEvent.SessionLoggedOut, () => this.status.set("signed-out"));
  }

  /** Opens the store and starts to sync. What was stored last time is shown before the server has answered. */
  static async start(session: Session, names: RoomNames): Promise<Account> {
    const tokens = new Tokens(session);
    const client = await openClient(session, tokens, names);
    tokens.onChange((accessToken) => client.setAccessToken(accessToken));
    client.setAccessToken(await tokens.fresh());
    const account = new Account(client, tokens, session);
    window.addEventListener("online", account.reconnect);
    window.addEventListener("offline", account.disconnected);
    await client.startClient({
      initialSyncLimit: 20,
      lazyLoadMembers: true,
      pendingEventOrdering: PendingEventOrdering.Detached,
      clientWellKnownPollPeriod: undefined,
    });
    return account;
  }

  get userId(): string {
    return this.client.getSafeUserId();
  }

  /** The handle of a joined room, or of one that was left while it was open. */
  room(roomId: string): RoomHandle | undefined {
    const known = this.rooms.get(roomId);
    if (known !== undefined) return known;
    const room = this.client.getRoom(roomId);
    if (room === null) return undefined;
    const handle = new RoomHandle(this.client, room, this.conversations);
    this.rooms.set(roomId, handle);
    return handle;
  }

  /** Computes the names of rooms without one again, after the language has changed. */
  renameRooms(): void {
    for (const room of this.client.getRooms()) room.recalculate();
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

  /** Ends the session here and on the server. The local data goes even if the server cannot be reached. */
  async signOut(): Promise<void> {
    await this.client.logout(true).catch(() => undefined);
    await this.forget();
  }

  /** Removes everything of this account from the browser. */
  async forget(): Promise<void> {
    window.removeEventListener("online", this.reconnect);
    window.removeEventListener("offline", this.disconnected);
    this.client.stopClient();
    this.tokens.stop();
    this.media.clear();
    await this.client.clearStores().catch(() => undefined);
  }

  async loadProfile(): Promise<void> {
    const info = await this.client.getProfileInfo(this.userId).catch(() => undefined);
    if (info === undefined) return;
    const me = this.client.getUser(this.userId) ?? this.createMe();
    me.setDisplayName(info.displayname ?? localpart(this.userId));
    me.setAvatarUrl(info.avatar_url ?? "");
    this.profile.changed();
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

  private connected(): void {
    this.status.set("connected");
    if (this.resending) return;
    this.resending = true;
    void resendWaiting(this.client).finally(() => {
      this.resending = false;
    });
  }

  private readonly disconnected = (): void => {
    if (this.status.get() !== "signed-out") this.status.set("reconnecting");
  };

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

/** A client on the stored data, or where the browser stores nothing, on memory alone. */
async function openClient(session: Session, tokens: Tokens, names: RoomNames): Promise<MatrixClient> {
  const create = (store?: IndexedDBStore) =>
    createClient({
      baseUrl: session.homeserver,
      userId: session.userId,
      deviceId: session.deviceId,
      accessToken: session.accessToken,
      fetchFn: tokens.fetch,
      store,
      timelineSupport: true,
      logger: QUIET,
      roomNameGenerator: (_roomId, state) => roomName(state, names),
    });
  try {
    const store = new IndexedDBStore({ indexedDB, dbName: storeName(session.userId), localStorage });
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

function roomName(state: RoomNameState, names: RoomNames): string {
  switch (state.type) {
    case RoomNameType.Actual:
      return cleanName(state.name) || names.empty();
    case RoomNameType.Generated:
      return names.people(
        state.names.map((name) => nameOf(name, name)),
        Math.max(0, state.count - state.names.length),
      );
    default:
      return state.oldName === undefined ? names.empty() : localpart(state.oldName);
  }
}
