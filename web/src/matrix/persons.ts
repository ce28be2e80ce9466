/** One person seen by this account: who they are, what one has in common with them, blocking and reporting them. */
import { ClientEvent, type MatrixClient, type MatrixEvent, Method, UserEvent } from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import { ObservableCache } from "../lib/cache.ts";
import type { Contacts } from "./contacts.ts";
import type { Conversations } from "./conversations.ts";
import { nameOf } from "./events.ts";
import { fetchPresence, presenceOf } from "./presence.ts";
import type { Rooms } from "./rooms/rooms.ts";
import type { PersonDetails, Presence } from "./types.ts";

/** The content of `m.ignored_user_list`. */
const IGNORED = "m.ignored_user_list";
/** Who may invite this account. */
const INVITES = "m.invite_permission_config";
/** Names and pictures fetched for people of whom no room tells, for this long in memory. */
const PROFILES = 500;
/** Pages of rooms in common that are asked for. */
const MUTUAL_PAGES = 10;

interface Fetched {
  name?: string;
  avatar?: string;
  presence?: Presence;
  /** The server says that there is no such account. */
  missing?: true;
}

export class Persons {
  readonly blocked: Derived<readonly string[]>;
  private readonly fetched = new ObservableCache<Fetched>(PROFILES);
  private readonly loading = new Set<string>();

  constructor(
    private readonly client: MatrixClient,
    private readonly contacts: Contacts,
    private readonly conversations: Conversations,
    private readonly rooms: Rooms,
  ) {
    this.blocked = new Derived<readonly string[]>(
      () => [...client.getIgnoredUsers()].sort(),
      (changed) => {
        const onData = (event: MatrixEvent) => {
          if (event.getType() === IGNORED) changed();
        };
        client.on(ClientEvent.AccountData, onData);
        return () => client.off(ClientEvent.AccountData, onData);
      },
    );
  }

  /** What is known of somebody; {@link load} asks the server for more. */
  details(userId: string): Derived<PersonDetails> {
    return new Derived(
      () => this.describe(userId),
      (changed) => {
        const ofUser = (_event: unknown, user: { userId: string }) => {
          if (user.userId === userId) changed();
        };
        const events = [
          UserEvent.DisplayName,
          UserEvent.AvatarUrl,
          UserEvent.Presence,
          UserEvent.LastPresenceTs,
        ] as const;
        for (const event of events) this.client.on(event, ofUser);
        const stops = [
          this.contacts.onChange(changed),
          this.blocked.subscribe(changed),
          this.fetched.version.subscribe(changed),
          this.conversations.list.subscribe(changed),
        ];
        return () => {
          for (const event of events) this.client.off(event, ofUser);
          for (const stop of stops) stop();
        };
      },
    );
  }

  /** The name and picture of a contact whom no direct chat tells of; asks once. */
  known(userId: string): { name: string; avatar?: string } {
    const found = this.fetched.get(userId);
    const user = this.client.getUser(userId);
    const listed = this.rooms.person(userId);
    if (found === undefined && listed === undefined && user?.displayName === undefined) void this.load(userId);
    const noted = this.contacts.get(userId)?.name;
    return {
      name: nameOf(user?.rawDisplayName ?? found?.name ?? listed?.name ?? noted, userId),
      avatar: user?.avatarUrl || found?.avatar || listed?.avatar,
    };
  }

  /** Changes when a profile has been fetched. */
  get profiles() {
    return this.fetched.version;
  }

  async load(userId: string): Promise<void> {
    if (this.loading.has(userId)) return;
    this.loading.add(userId);
    try {
      const [profile, presence] = await Promise.all([
        this.client.getProfileInfo(userId).catch((error: { errcode?: string }): Fetched => {
          return error.errcode === "M_NOT_FOUND" ? { missing: true } : {};
        }),
        fetchPresence(this.client, userId),
      ]);
      const { displayname, avatar_url: avatar } = profile as { displayname?: string; avatar_url?: string };
      this.fetched.set(userId, {
        name: displayname,
        avatar: avatar || undefined,
        presence,
        ...("missing" in profile ? { missing: true } : {}),
      });
    } finally {
      this.loading.delete(userId);
    }
  }

  /** The ids of the rooms that both are in (spec: "Mutual Rooms"). */
  async roomsInCommon(userId: string): Promise<ReadonlySet<string>> {
    const rooms = new Set<string>();
    let from: string | undefined;
    for (let page = 0; page < MUTUAL_PAGES; page++) {
      const answer = await this.mutualRooms(userId, from);
      for (const roomId of answer.joined) rooms.add(roomId);
      from = answer.next_batch;
      if (from === undefined) break;
    }
    return rooms;
  }

  /** Whether this account takes invitations (spec: "Invite permission"). */
  get invites(): Derived<"everybody" | "nobody"> {
    const { client } = this;
    return new Derived<"everybody" | "nobody">(
      () =>
        client.getAccountData(INVITES as never)?.getContent<{ default_action?: unknown }>().default_action === "block"
          ? "nobody"
          : "everybody",
      (changed) => {
        const onData = (event: MatrixEvent) => {
          if (event.getType() === INVITES) changed();
        };
        client.on(ClientEvent.AccountData, onData);
        return () => client.off(ClientEvent.AccountData, onData);
      },
    );
  }

  async setInvites(from: "everybody" | "nobody"): Promise<void> {
    const path = `/user/${encodeURIComponent(this.client.getSafeUserId())}/account_data/${INVITES}`;
    const content = { default_action: from === "nobody" ? "block" : "allow" };
    await this.client.http.authedRequest(Method.Put, path, undefined, content);
  }

  /** Servers of today know of it under the name of its proposal, too. */
  async canLimitInvites(): Promise<boolean> {
    const { client } = this;
    return (
      (await client.doesServerSupportUnstableFeature("org.matrix.msc4380.stable")) ||
      (await client.isVersionSupported("v1.18"))
    );
  }

  isBlocked(userId: string): boolean {
    return this.client.isUserIgnored(userId);
  }

  async block(userId: string): Promise<void> {
    if (!this.isBlocked(userId)) await this.client.setIgnoredUsers([...this.client.getIgnoredUsers(), userId]);
  }

  async unblock(userId: string): Promise<void> {
    await this.client.setIgnoredUsers(this.client.getIgnoredUsers().filter((id) => id !== userId));
  }

  /** Tells the administrators of one's own server about somebody. */
  async report(userId: string, reason: string): Promise<void> {
    const path = `/users/${encodeURIComponent(userId)}/report`;
    await this.client.http.authedRequest(Method.Post, path, undefined, { reason });
  }

  private async mutualRooms(userId: string, from?: string): Promise<{ joined: string[]; next_batch?: string }> {
    const query = { user_id: userId, ...(from === undefined ? {} : { from }) };
    const stable = { prefix: "/_matrix/client/v1" };
    try {
      return await this.client.http.authedRequest(Method.Get, "/mutual_rooms", query, undefined, stable);
    } catch (error) {
      if ((error as { errcode?: string }).errcode !== "M_UNRECOGNIZED") throw error;
    }
    // Servers from before version 1.19 of the specification have it under the name of its draft, or not at all.
    const draft = { prefix: "/_matrix/client/unstable/uk.half-shot.msc2666" };
    const draftQuery = { user_id: userId, ...(from === undefined ? {} : { batch_token: from }) };
    const answer = await this.client.http.authedRequest<{ joined: string[]; next_batch_token?: string }>(
      Method.Get,
      "/user/mutual_rooms",
      draftQuery,
      undefined,
      draft,
    );
    return { joined: answer.joined, next_batch: answer.next_batch_token };
  }

  private describe(userId: string): PersonDetails {
    const user = this.client.getUser(userId);
    const fetched = this.fetched.get(userId);
    const listed = this.rooms.person(userId);
    const note = this.contacts.get(userId);
    const direct = this.conversations.directWith(userId);
    const ownName = nameOf(user?.rawDisplayName ?? fetched?.name ?? listed?.name ?? note?.name, userId);
    return {
      id: userId,
      name: note?.remark ?? ownName,
      ownName,
      avatar: user?.avatarUrl || fetched?.avatar || listed?.avatar || undefined,
      me: userId === this.client.getUserId() ? true : undefined,
      presence: presenceOf(user) ?? fetched?.presence,
      missing: fetched?.missing,
      blocked: this.isBlocked(userId),
      contact: note !== undefined || direct?.membership === "join",
      added: note !== undefined,
      remark: note?.remark ?? "",
      tags: note?.tags ?? [],
      star: note?.star === true,
      directRoom: direct?.membership === "join" && direct.peerMembership !== "leave" ? direct.id : undefined,
      request: direct?.membership === "invite" ? direct.id : undefined,
    };
  }
}
