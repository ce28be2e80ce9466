/** What is being written in one conversation: whom it names, what it completes to, which command it is, when it goes. */
import { currentTranslate } from "../base/translate.ts";
import type { MessageKey, Params } from "../i18n/index.ts";
import { type CommandName, commandsFor, faceOf, parseCommand } from "../lib/commands.ts";
import { type ImagePack, type PackImage, searchPacks } from "../lib/imagepacks.ts";
import { nameScore, type Trigger, triggerAt } from "../lib/completion.ts";
import { EFFECT_EMOJI } from "../lib/effects.ts";
import { type Emoji, inTone, loadEmoji, searchEmoji } from "../lib/emoji.ts";
import type { Emote, Mention } from "../lib/markdown.ts";
import { Observable, type Readable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import { editableText, namesEveryone, type TextExtras } from "../matrix/content.ts";
import type { Conversation, Member, Mxc, TimelineEvent } from "../matrix/types.ts";
import type { ConversationModel } from "./conversation.ts";
import { adoptDraft, drafts, sharedDraft, unsharedDraft } from "./drafts.ts";
import { habits, usedEmoji } from "./habits.ts";
import { attempt, showToast } from "./toasts.ts";

export type Suggestion =
  | { kind: "person"; key: string; id: string; name: string; avatar?: Mxc }
  | { kind: "room"; key: string; id: string; name: string; avatar?: Mxc; colourId: string; direct: boolean }
  | { kind: "everyone"; key: string; count: number }
  | { kind: "emoji"; key: string; emoji: string; name: string; code: string }
  /** A picture of a pack. */
  | { kind: "emote"; key: string; image: PackImage; pack: string }
  | { kind: "command"; key: string; name: CommandName };

export interface Completion {
  trigger: Trigger;
  suggestions: readonly Suggestion[];
}

/** Something to say above the box; it goes with the next change. */
export interface Notice {
  key: MessageKey;
  params?: Params;
}

/** What replaces a part of the text. */
export interface Replacement {
  start: number;
  end: number;
  text: string;
}

/** The server keeps a message for at most this long, in milliseconds. */
export const LATEST = 30 * 24 * 3_600_000;
const SHOWN = 8;
/** A draft is sent to the account once nothing was typed for this long, in milliseconds. */
const DRAFT_PAUSE = 1_500;

export class ComposerModel {
  readonly completion = new Observable<Completion | undefined>(undefined);
  readonly notice = new Observable<Notice | undefined>(undefined);
  private readonly mentions = new Map<string, Mention>();
  /** Pictures that were chosen while writing, by their codes. */
  private readonly emotes = new Map<string, Emote>();
  private mentionedBefore: readonly string[] = [];
  private emoji: readonly Emoji[] | undefined;
  private membersWanted = false;
  /** The edit that is being written. */
  private edited: { key: string; text: string } | undefined;
  /** The kind of suggestion whose source is watched, and what ends that. */
  private watched: Trigger["kind"] | undefined;
  private stopWatching: () => void = () => undefined;
  private looked: { text: string; caret: number } | undefined;
  private dismissed: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly conversation: ConversationModel,
    private readonly account: Account,
  ) {}

  private get room() {
    return this.conversation.room;
  }

  /** Follows the account's draft until the returned function is called. */
  readonly watch = (): (() => void) => {
    const { composing } = this.room;
    const { draftKey } = this.conversation;
    const adopt = () => {
      const remote = composing.draft();
      if (remote !== undefined) adoptDraft(draftKey, remote);
    };
    adopt();
    const stop = composing.watchDraft(adopt);
    return () => {
      stop();
      this.watchSource(undefined);
      void this.shareDraft();
    };
  };

  /** The message that is edited, as it is to be written again; as far as that had come, if the view was left meanwhile. */
  startEdit({ key, body }: TimelineEvent): string {
    if (this.edited?.key === key) return this.edited.text;
    if (body.kind !== "text") return "";
    const editable = editableText(body.text, body.html);
    this.mentions.clear();
    for (const mention of editable.mentions) this.mentions.set(mention.label, mention);
    this.emotes.clear();
    for (const emote of editable.emotes) this.emotes.set(emote.code, emote);
    this.mentionedBefore = editable.mentions.map(({ id }) => id);
    return editable.text;
  }

  endEdit(): void {
    this.edited = undefined;
    this.mentionedBefore = [];
    this.completion.set(undefined);
  }

  typed(text: string): void {
    this.notice.set(undefined);
    const mode = this.conversation.mode.get();
    this.edited = mode.kind === "edit" ? { key: mode.event.key, text } : undefined;
    this.conversation.typed(text);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.shareDraft(), DRAFT_PAUSE);
  }

  /** Looks for what the word at the caret may be. */
  caretAt(text: string, caret: number): void {
    const trigger = triggerAt(text, caret);
    this.looked = trigger === undefined ? undefined : { text, caret };
    this.watchSource(trigger?.kind);
    if (trigger?.start !== this.dismissed) this.dismissed = undefined;
    const suggestions =
      trigger === undefined || this.dismissed !== undefined ? [] : this.suggest(trigger).slice(0, SHOWN);
    this.completion.set(trigger === undefined || suggestions.length === 0 ? undefined : { trigger, suggestions });
  }

  /** Puts the suggestions away until another word is begun. */
  dismiss(): void {
    this.dismissed = this.completion.get()?.trigger.start;
    this.completion.set(undefined);
  }

  choose(suggestion: Suggestion): Replacement | undefined {
    const trigger = this.completion.get()?.trigger;
    this.completion.set(undefined);
    if (trigger === undefined) return undefined;
    const place = { start: trigger.start, end: trigger.start + trigger.query.length + 1 };
    switch (suggestion.kind) {
      case "emoji":
        usedEmoji(suggestion.emoji);
        return { ...place, text: suggestion.emoji };
      case "emote":
        return { ...place, text: this.emoteText(suggestion.image) };
      case "command":
        return { ...place, text: `/${suggestion.name} ` };
      case "everyone":
        return { ...place, text: "@room " };
      case "person":
        return { ...place, text: `${this.labelOf("@", suggestion.name, suggestion.id)} ` };
      case "room":
        return { ...place, text: `${this.labelOf("#", suggestion.name, this.addressOf(suggestion.id))} ` };
    }
  }

  /** Sends what was written, or does what it asks for. False when it stays in the box because something is missing. */
  send(text: string, options: { silent?: boolean } = {}): boolean {
    const mode = this.conversation.mode.get();
    this.completion.set(undefined);
    if (mode.kind === "edit") {
      const style = mode.event.body.kind === "text" ? mode.event.body.style : "text";
      this.conversation.send(text, { ...this.extras(text), style, mentionedBefore: this.mentionedBefore });
      this.written();
      return true;
    }
    const ready = this.prepare(text.trim());
    if (ready === undefined) return false;
    // What does something else than send may be done at any time.
    if (!("run" in ready) && this.conversation.pauseLeft() > 0) return false;
    if ("run" in ready) {
      this.conversation.typed("");
      void attempt(ready.run);
    } else {
      const style = options.silent === true ? "notice" : ready.extras.style;
      this.conversation.send(ready.text, { ...ready.extras, ...(style === undefined ? {} : { style }) });
    }
    this.written();
    return true;
  }

  /** Hands a message to the server to be sent at a time. Resolves to whether it took it. */
  async sendLater(text: string, time: number): Promise<boolean> {
    const mode = this.conversation.mode.get();
    const ready = this.prepare(text.trim());
    if (ready === undefined || "run" in ready || ready.text === "") return false;
    const replyTo = mode.kind === "reply" ? mode.event.id : undefined;
    const content = this.room.sending.contentOf(ready.text, replyTo, ready.extras);
    const taken = await attempt(() => this.room.composing.sendLater(content, time - Date.now()));
    if (!taken) return false;
    this.conversation.cancel();
    this.conversation.typed("");
    this.written();
    return true;
  }

  private written(): void {
    this.edited = undefined;
    this.notice.set(undefined);
    this.mentions.clear();
    this.emotes.clear();
    this.mentionedBefore = [];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.shareDraft(), 0);
  }

  private async shareDraft(): Promise<void> {
    const { draftKey } = this.conversation;
    const draft = unsharedDraft(draftKey);
    if (draft === undefined) return;
    try {
      await this.room.composing.keepDraft(draft);
      sharedDraft(draftKey, draft);
    } catch {
      // It is kept here, and goes with the next change.
    }
  }

  private prepare(source: string): { text: string; extras: TextExtras } | { run: () => Promise<unknown> } | undefined {
    const parsed = parseCommand(source);
    switch (parsed.kind) {
      case "text":
        return { text: parsed.text, extras: this.extras(parsed.text) };
      case "unknown":
        this.notice.set({ key: "command.unknown", params: { name: `/${parsed.name}` } });
        return undefined;
      case "incomplete":
        this.notice.set({ key: "command.usage", params: { usage: `/${parsed.command.name} …` } });
        return undefined;
    }
    const { name, argument, target = "", reason } = parsed;
    const extras = this.extras(argument);
    const face = faceOf(name, argument);
    if (face !== undefined) return { text: face, extras };
    const { composing } = this.room;
    switch (name) {
      case "me":
        return { text: argument, extras: { ...extras, style: "emote" } };
      case "confetti":
      case "fireworks":
      case "hearts":
      case "snowfall":
        return { text: argument || EFFECT_EMOJI[name], extras: { ...extras, effect: name } };
      case "spoiler":
      case "plain":
      case "html":
        return { text: argument, extras: { ...extras, format: name } };
      case "invite":
        return { run: () => composing.invite(target, reason) };
      case "kick":
        return { run: () => composing.kick(target, reason) };
      case "ban":
        return { run: () => composing.ban(target, reason) };
      case "unban":
        return { run: () => composing.unban(target) };
      case "topic":
        return { run: () => this.room.setTopic(argument) };
      case "roomname":
        return { run: () => this.room.setName(argument) };
      case "nick":
        return { run: () => this.account.setName(argument) };
      case "myroomnick":
        return { run: () => composing.setOwnName(argument) };
      case "join":
        return {
          run: async () => {
            await this.account.directory.join(target);
            showToast({ tone: "done", message: { key: "command.joined", params: { room: target } } });
          },
        };
      case "leave":
        return { run: () => this.room.leave() };
      default:
        return undefined;
    }
  }

  /** Everybody whom the text names: who was chosen, and who is written out in full. */
  private extras(text: string): TextExtras {
    const mentions = new Map([...this.mentions].filter(([label]) => text.includes(label)));
    if (text.includes("@")) {
      const byName = new Map<string, Member | undefined>();
      for (const member of this.room.members.get()) {
        const label = `@${member.name}`;
        // Of two people with one name, nobody is meant without a choice.
        byName.set(label, byName.has(label) ? undefined : member);
        if (text.includes(member.id)) mentions.set(member.id, { label: member.id, id: member.id });
      }
      for (const [label, member] of byName)
        if (member !== undefined && !mentions.has(label) && text.includes(label))
          mentions.set(label, { label, id: member.id });
    }
    for (const [address] of text.matchAll(/(?<![\w/#])#[^\s:#]+:[A-Za-z0-9.-]*[A-Za-z0-9](?::\d+)?/g))
      mentions.set(address, { label: address, id: address });
    return {
      mentions: [...mentions.values()],
      emotes: this.emotesOf(text),
      everyone: namesEveryone(text) && this.room.composing.mayMentionEveryone(),
    };
  }

  /** How a picture stands in the text until it is sent. */
  emoteText({ code, mxc, name }: Emote): string {
    // Of two pictures with one code, the one that was chosen last is meant.
    this.emotes.set(code, { code, mxc, name });
    return `:${code}: `;
  }

  /** What was chosen while writing, and after a reload what can mean only one picture. */
  private emotesOf(text: string): readonly Emote[] {
    const found = new Map<string, Emote>();
    for (const [, code = ""] of text.matchAll(/:([\w-]{1,100})(?=:)/g)) {
      const known = this.emotes.get(code) ?? this.onlyPicture(code);
      if (known !== undefined) found.set(code, known);
    }
    return [...found.values()];
  }

  private onlyPicture(code: string): Emote | undefined {
    const all = this.packs().flatMap(({ images }) => images.filter((image) => image.code === code));
    const [image, other] = all.filter(({ uses }) => uses.includes("emoticon"));
    return other === undefined ? image : undefined;
  }

  /** The packs that can be used here. */
  private packs(): readonly ImagePack[] {
    return this.account.packs.in(this.conversation.roomId).get();
  }

  /** How somebody stands in the text. A name that already means somebody else gives way to the identifier. */
  private labelOf(sign: "@" | "#", name: string, id: string): string {
    const taken = this.mentions.get(`${sign}${name}`);
    const clean = name.trim() !== "" && !/[\n*_~`|[\]\\<>]/.test(name) && (taken === undefined || taken.id === id);
    const label = clean ? `${sign}${name.startsWith(sign) ? name.slice(1) : name}` : id;
    this.mentions.set(label, { label, id });
    return label;
  }

  private addressOf(roomId: string): string {
    return this.account.room(roomId)?.details.get().alias ?? roomId;
  }

  private suggest({ kind, query }: Trigger): readonly Suggestion[] {
    switch (kind) {
      case "person":
        return this.people(query);
      case "room":
        return this.rooms(query);
      case "emoji":
        return [...this.emotesFor(query), ...this.emojiFor(query)];
      case "command": {
        const commands = commandsFor(query, this.room.details.get().can);
        return commands.map(({ name }) => ({ kind: "command", key: name, name }));
      }
    }
  }

  private people(query: string): readonly Suggestion[] {
    if (!this.membersWanted) {
      this.membersWanted = true;
      void this.room.loadMembers().catch(() => undefined);
    }
    const members = this.room.members.get();
    const people = ranked(members, ({ name, id }) => (id === this.account.userId ? 0 : nameScore(name, id, query)));
    const found: Suggestion[] = people.map(({ id, name, avatar }) => ({ kind: "person", key: id, id, name, avatar }));
    const everyone = members.length > 2 && "room".startsWith(query.toLowerCase());
    if (everyone && this.room.composing.mayMentionEveryone())
      found.splice(query === "" ? SHOWN - 1 : 0, 0, { kind: "everyone", key: "@room", count: members.length });
    return found;
  }

  private rooms(query: string): readonly Suggestion[] {
    const groups = this.account.conversations.list
      .get()
      .filter(({ direct, membership }: Conversation) => !direct && membership === "join");
    return ranked(groups, ({ name }) => nameScore(name, "", query)).map((group) => {
      const { id, name, avatar, colourId, direct } = group;
      return { kind: "room", key: id, id, name, avatar, colourId, direct };
    });
  }

  private emotesFor(query: string): readonly Suggestion[] {
    return searchPacks(this.packs(), "emoticon", query, SHOWN / 2).map(({ pack, image }) => ({
      kind: "emote",
      key: `${pack.id} ${image.code}`,
      image,
      pack: pack.name,
    }));
  }

  private emojiFor(query: string): readonly Suggestion[] {
    if (this.emoji === undefined) {
      const language = currentTranslate().locale.toLowerCase().startsWith("zh") ? "zh" : "en";
      void loadEmoji(language).then(
        (all) => {
          this.emoji = all;
          this.again();
        },
        // Without a connection the short code stays as it is.
        () => undefined,
      );
      return [];
    }
    const { tone } = habits.get();
    return searchEmoji(this.emoji, query, SHOWN).map((found) => ({
      kind: "emoji",
      key: found.emoji,
      emoji: inTone(found, tone),
      name: found.name,
      code: found.codes.find((code) => code.startsWith(query.toLowerCase())) ?? found.codes[0] ?? "",
    }));
  }

  /** What is suggested may still be on its way, or change: then it is looked for once more. */
  private watchSource(kind: Trigger["kind"] | undefined): void {
    if (kind === this.watched) return;
    this.watched = kind;
    this.stopWatching();
    this.stopWatching = kind === undefined ? () => undefined : this.sourceOf(kind).subscribe(() => this.again());
  }

  private sourceOf(kind: Trigger["kind"]): Pick<Readable<unknown>, "subscribe"> {
    switch (kind) {
      case "person":
        return this.room.members;
      case "room":
        return this.account.conversations.list;
      case "emoji":
        return this.account.packs.in(this.conversation.roomId);
      case "command":
        return this.room.details;
    }
  }

  /** Looks once more, after what was being loaded has come. */
  private again(): void {
    if (this.looked !== undefined) this.caretAt(this.looked.text, this.looked.caret);
  }

  get draft(): string {
    return drafts.get()[this.conversation.draftKey] ?? "";
  }
}

function ranked<T>(all: readonly T[], scoreOf: (item: T) => number): readonly T[] {
  return all
    .map((item) => ({ item, score: scoreOf(item) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, SHOWN)
    .map(({ item }) => item);
}
