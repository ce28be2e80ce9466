/** Which messages notify: the account's push rules, in the few choices that people make (spec: "Push Notifications"). */
import {
  ClientEvent,
  type IPushRule,
  type MatrixClient,
  type MatrixEvent,
  type PushRuleAction,
  PushRuleActionName,
  PushRuleKind,
  TweakName,
} from "matrix-js-sdk/lib/matrix.js";
import { deepEqual } from "../lib/equal.ts";
import { Derived } from "../lib/observable.ts";
import type { ChatLevel, DefaultLevel, PushSettings } from "./types.ts";

const NOTIFY: PushRuleAction[] = [PushRuleActionName.Notify];
const LOUD: PushRuleAction[] = [PushRuleActionName.Notify, { set_tweak: TweakName.Sound, value: "default" }];
const MENTION: PushRuleAction[] = [...LOUD, { set_tweak: TweakName.Highlight }];

const MASTER = ".m.rule.master";
const GROUPS = [".m.rule.message", ".m.rule.encrypted"];
const DIRECT = [".m.rule.room_one_to_one", ".m.rule.encrypted_room_one_to_one"];
const MENTIONS = ".m.rule.is_user_mention";
const EVERYBODY = ".m.rule.is_room_mention";
const INVITES = ".m.rule.invite_for_me";

/** Whether a conversation is quiet: only mentions notify, or nothing at all. */
export function isMuted(client: MatrixClient, roomId: string): boolean {
  const level = chatLevel(client, roomId);
  return level === "mentions" || level === "none";
}

export async function setMuted(client: MatrixClient, roomId: string, muted: boolean): Promise<void> {
  if (muted !== isMuted(client, roomId)) await setChatLevel(client, roomId, muted ? "mentions" : "default");
}

/**
 * What a conversation does differently. `mentions` is a rule of the room without actions, as other clients write it;
 * `none` an overriding rule, so that mentions do not notify either.
 */
export function chatLevel(client: MatrixClient, roomId: string): ChatLevel {
  const { override = [], room = [] } = client.pushRules?.global ?? {};
  const silent = override.find((rule) => rule.rule_id === roomId && rule.enabled);
  if (silent !== undefined && !notifies(silent)) return "none";
  const rule = room.find(({ rule_id }) => rule_id === roomId);
  if (rule?.enabled !== true) return "default";
  return notifies(rule) ? "all" : "mentions";
}

export async function setChatLevel(client: MatrixClient, roomId: string, level: ChatLevel): Promise<void> {
  const { override = [], room = [] } = client.pushRules?.global ?? {};
  const has = (rules: readonly IPushRule[]) => rules.some(({ rule_id }) => rule_id === roomId);
  // The new rule comes before the old one goes, so that nothing notifies in between that should not.
  if (level === "none") {
    await client.addPushRule("global", PushRuleKind.Override, roomId, {
      conditions: [{ kind: "event_match", key: "room_id", pattern: roomId } as never],
      actions: [],
    });
  } else if (level !== "default") {
    await client.addPushRule("global", PushRuleKind.RoomSpecific, roomId, { actions: level === "all" ? LOUD : [] });
  }
  if (level !== "none" && has(override)) await client.deletePushRule("global", PushRuleKind.Override, roomId);
  if ((level === "none" || level === "default") && has(room))
    await client.deletePushRule("global", PushRuleKind.RoomSpecific, roomId);
}

/** `dont_notify` is what older clients wrote for no action. */
function notifies({ actions }: IPushRule): boolean {
  return actions.some((action) => (action as string) !== "dont_notify" && (action as string) !== "coalesce");
}

export class Push {
  readonly settings: Derived<PushSettings>;

  constructor(private readonly client: MatrixClient) {
    this.settings = new Derived(
      () => this.read(),
      (changed) => {
        const onData = (event: MatrixEvent) => {
          if (event.getType() === "m.push_rules") changed();
        };
        client.on(ClientEvent.AccountData, onData);
        return () => client.off(ClientEvent.AccountData, onData);
      },
    );
  }

  level(roomId: string): Derived<ChatLevel> {
    return new Derived(
      () => chatLevel(this.client, roomId),
      (changed) => this.settings.subscribe(changed),
    );
  }

  async setLevel(roomId: string, level: ChatLevel): Promise<void> {
    await setChatLevel(this.client, roomId, level);
  }

  /** Nothing notifies, nothing counts. */
  async setPaused(paused: boolean): Promise<void> {
    await this.client.setPushRuleEnabled("global", PushRuleKind.Override, MASTER, paused);
  }

  async setDirect(level: DefaultLevel): Promise<void> {
    await this.setDefaults(DIRECT, level);
  }

  async setGroups(level: DefaultLevel): Promise<void> {
    await this.setDefaults(GROUPS, level);
  }

  async setMentions(on: boolean): Promise<void> {
    await this.setRule(MENTIONS, on ? MENTION : []);
  }

  async setEverybody(on: boolean): Promise<void> {
    await this.setRule(EVERYBODY, on ? [...NOTIFY, { set_tweak: TweakName.Highlight }] : []);
  }

  async setInvites(on: boolean): Promise<void> {
    await this.setRule(INVITES, on ? LOUD : []);
  }

  async addKeyword(word: string): Promise<void> {
    await this.client.addPushRule("global", PushRuleKind.ContentSpecific, word, { pattern: word, actions: MENTION });
  }

  async removeKeyword(word: string): Promise<void> {
    const rule = this.contentRules().find(({ pattern }) => pattern === word);
    if (rule !== undefined) await this.client.deletePushRule("global", PushRuleKind.ContentSpecific, rule.rule_id);
  }

  private async setDefaults(rules: readonly string[], level: DefaultLevel): Promise<void> {
    for (const rule of rules) await this.setRule(rule, level === "mentions" ? [] : rules === DIRECT ? LOUD : NOTIFY);
  }

  private async setRule(ruleId: string, actions: PushRuleAction[]): Promise<void> {
    const [kind, rule] = this.find(ruleId);
    if (rule === undefined) return;
    if (!deepEqual(rule.actions, actions)) await this.client.setPushRuleActions("global", kind, ruleId, actions);
    if (!rule.enabled) await this.client.setPushRuleEnabled("global", kind, ruleId, true);
  }

  private find(ruleId: string): [PushRuleKind, IPushRule | undefined] {
    const { override = [], underride = [] } = this.client.pushRules?.global ?? {};
    const rule = override.find(({ rule_id }) => rule_id === ruleId);
    if (rule !== undefined) return [PushRuleKind.Override, rule];
    return [PushRuleKind.Underride, underride.find(({ rule_id }) => rule_id === ruleId)];
  }

  private contentRules(): readonly IPushRule[] {
    // The predefined one is the own user name, which `m.mentions` has replaced.
    return (this.client.pushRules?.global.content ?? []).filter(({ rule_id }) => !rule_id.startsWith("."));
  }

  private read(): PushSettings {
    const on = (ruleId: string) => {
      const [, rule] = this.find(ruleId);
      return rule?.enabled === true && notifies(rule);
    };
    return {
      paused: this.find(MASTER)[1]?.enabled === true,
      direct: DIRECT.some(on) ? "all" : "mentions",
      groups: GROUPS.some(on) ? "all" : "mentions",
      mentions: on(MENTIONS),
      everybody: on(EVERYBODY),
      invites: on(INVITES),
      keywords: this.contentRules()
        .filter(({ enabled }) => enabled)
        .map(({ pattern }) => pattern ?? "")
        .filter((word) => word !== ""),
    };
  }
}
