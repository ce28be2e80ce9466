/** What the administrators of a group decide: roles, permissions, who is let in, who is kept out, its addresses. */
import { EventType, type MatrixClient, type Room, RoomMemberEvent, RoomStateEvent } from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import {
  audienceOf,
  type GivenRole,
  isMuted,
  levelFor,
  PERMISSIONS,
  type Permission,
  POWER,
  type PowerLevels,
  withPermission,
  withPower,
} from "../lib/powers.ts";
import { readServerAccess, SERVER_ACL, type ServerAccess, serverAclContent } from "../lib/serveracl.ts";
import { readSlowMode, SLOW_MODE } from "../lib/slowmode.ts";
import { membersOf } from "./directory.ts";
import { ProblemError } from "./errors.ts";
import { personOf } from "./events.ts";
import type { Admission, GroupRules, HistoryVisibility, Outsider } from "./types.ts";

const ADMISSIONS: Readonly<Record<string, Admission>> = {
  invite: "invite",
  restricted: "space",
  knock: "knock",
  public: "public",
};

export class Administration {
  readonly rules: Derived<GroupRules>;
  /** The name of the account's own server, which no rule may shut out. */
  readonly server: string;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
  ) {
    this.server = client.getDomain() ?? "";
    this.rules = new Derived<GroupRules>(
      () => this.read(),
      (changed) => {
        room.on(RoomStateEvent.Events, changed);
        room.on(RoomStateEvent.Members, changed);
        client.on(RoomMemberEvent.PowerLevel, changed);
        return () => {
          room.off(RoomStateEvent.Events, changed);
          room.off(RoomStateEvent.Members, changed);
          client.off(RoomMemberEvent.PowerLevel, changed);
        };
      },
    );
  }

  async setRole(userId: string, role: GivenRole): Promise<void> {
    await this.setLevels(withPower(this.levels(), userId, POWER[role]));
  }

  async setPermission(permission: Permission, audience: GroupRules["permissions"][Permission]): Promise<void> {
    await this.setLevels(withPermission(this.levels(), permission, audience));
  }

  /** `space` is the one whose members are let in. */
  async setAdmission(admission: Admission, space?: string): Promise<void> {
    const content = admission === "space" ? membersOf(space ?? "") : { join_rule: admission };
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomJoinRules, content as never);
  }

  async setSlowMode(seconds: number): Promise<void> {
    await this.client.sendStateEvent(this.room.roomId, SLOW_MODE as never, { seconds } as never, "");
  }

  async setHistory(history: HistoryVisibility): Promise<void> {
    const content = { history_visibility: history } as never;
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomHistoryVisibility, content);
  }

  async setGuests(on: boolean): Promise<void> {
    const content = { guest_access: on ? "can_join" : "forbidden" } as never;
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomGuestAccess, content);
  }

  async setServers(access: ServerAccess): Promise<void> {
    await this.client.sendStateEvent(this.room.roomId, SERVER_ACL as never, serverAclContent(access) as never, "");
  }

  async remove(userId: string, reason: string): Promise<void> {
    await this.client.kick(this.room.roomId, userId, reason.trim() || undefined);
  }

  async ban(userId: string, reason: string): Promise<void> {
    await this.client.ban(this.room.roomId, userId, reason.trim() || undefined);
  }

  async unban(userId: string): Promise<void> {
    await this.client.unban(this.room.roomId, userId);
  }

  /** Lets somebody in who has asked. */
  async admit(userId: string): Promise<void> {
    await this.client.invite(this.room.roomId, userId);
  }

  /** The addresses that this server keeps for the room. */
  async aliases(): Promise<string[]> {
    return (await this.client.getLocalAliases(this.room.roomId)).aliases;
  }

  /** Gives the room an address on this server; the first one becomes the one that is shown. */
  async addAlias(local: string): Promise<void> {
    const alias = `#${local}:${this.client.getDomain()}`;
    try {
      await this.client.createAlias(alias, this.room.roomId);
    } catch (error) {
      const taken = (error as { httpStatus?: number }).httpStatus === 409;
      throw taken ? new ProblemError({ kind: "alias-taken" }) : error;
    }
    if (this.room.getCanonicalAlias() === null) await this.showAlias(alias);
  }

  async removeAlias(alias: string): Promise<void> {
    if (this.room.getCanonicalAlias() === alias) await this.showAlias(undefined);
    await this.client.deleteAlias(alias);
  }

  async showAlias(alias: string | undefined): Promise<void> {
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomCanonicalAlias, { alias } as never, "");
  }

  private levels(): PowerLevels {
    const content = this.room.currentState.getStateEvents(EventType.RoomPowerLevels, "")?.getContent();
    return (content ?? {}) as PowerLevels;
  }

  private async setLevels(levels: PowerLevels): Promise<void> {
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomPowerLevels, levels as never, "");
  }

  private read(): GroupRules {
    const { room } = this;
    const state = room.currentState;
    const levels = this.levels();
    const me = room.myUserId;
    const power = room.getMember(me)?.powerLevel ?? 0;
    const joined = room.getMyMembership() === "join";
    const may = (type: string) => joined && state.maySendStateEvent(type, me);
    const allow: unknown = state.getStateEvents(EventType.RoomJoinRules, "")?.getContent().allow;
    return {
      admission: ADMISSIONS[room.getJoinRule()] ?? "other",
      admitted: (Array.isArray(allow) ? allow : []).flatMap((rule: Record<string, unknown> | null) =>
        typeof rule?.room_id === "string" ? [rule.room_id] : [],
      ),
      history: room.getHistoryVisibility() as HistoryVisibility,
      permissions: Object.fromEntries(
        PERMISSIONS.map((permission) => [permission, audienceOf(levels, permission)]),
      ) as GroupRules["permissions"],
      muted: room
        .getMembers()
        .filter(({ userId }) => isMuted(levels, userId))
        .map(({ userId }) => userId),
      banned: this.outsiders("ban"),
      requests: this.outsiders("knock"),
      power,
      slowMode: readSlowMode(state.getStateEvents(SLOW_MODE, "")?.getContent()),
      guests: state.getStateEvents(EventType.RoomGuestAccess, "")?.getContent().guest_access === "can_join",
      servers: readServerAccess(state.getStateEvents(SERVER_ACL, "")?.getContent()),
      powers: Object.fromEntries(room.getMembers().map(({ userId, powerLevel }) => [userId, powerLevel])),
      can: {
        roles: may(EventType.RoomPowerLevels),
        admission: may(EventType.RoomJoinRules),
        history: may(EventType.RoomHistoryVisibility),
        alias: may(EventType.RoomCanonicalAlias),
        slowMode: may(SLOW_MODE),
        guests: may(EventType.RoomGuestAccess),
        servers: may(SERVER_ACL),
        remove: joined && power >= levelFor(levels, "remove"),
        ban: joined && power >= levelFor(levels, "ban"),
        admit: joined && power >= levelFor(levels, "invite"),
      },
    };
  }

  private outsiders(membership: "ban" | "knock"): Outsider[] {
    return this.room.getMembersWithMembership(membership).map((member) => {
      const reason: unknown = member.events.member?.getContent().reason;
      const by = member.events.member?.getSender();
      return {
        ...personOf(this.room, member.userId),
        reason: typeof reason === "string" && reason.trim() !== "" ? reason.trim() : undefined,
        by: by === undefined || by === member.userId ? undefined : personOf(this.room, by).name,
      };
    });
  }
}
