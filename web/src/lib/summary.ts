/** Says in one line what a message or a change is. */
import type { MessageKey } from "../i18n/en.ts";
import type { Translate } from "../i18n/translate.ts";
import type { MessageBody, Person, Preview, RoomChange } from "../matrix/types.ts";
import { summaryOf } from "./richtext.ts";
import { isolated } from "./text.ts";
import { playTime } from "./voice.ts";

/** The last message of a conversation, as the list shows it. */
export function previewText(preview: Preview, direct: boolean, t: Translate): string {
  const { body, own, sender } = preview;
  if (direct && body.kind === "change" && isBeginning(body.change)) return t("preview.started");
  const note = direct && body.kind === "change" && body.change.what === "invited" ? body.change.reason : undefined;
  const text = note === undefined ? bodyText(body, sender, t) : oneLine(note);
  if ((body.kind === "change" && note === undefined) || (body.kind === "text" && body.style === "emote")) return text;
  if (own) return t("preview.from", { name: t("preview.you"), text });
  return direct ? text : t("preview.from", { name: sender.name, text });
}

/** What makes a direct chat, and need not be said there, unless somebody has said something with it. */
export function isBeginning(change: RoomChange): boolean {
  if (change.what === "invited" && change.reason !== undefined) return false;
  return change.what === "created" || change.what === "invited" || change.what === "joined";
}

/** A message without its sender. */
export function bodyText(body: MessageBody, sender: Person, t: Translate): string {
  switch (body.kind) {
    case "text":
      return oneLine(body.style === "emote" ? `${isolated(sender.name)} ${wordsOf(body)}` : wordsOf(body));
    case "image":
      return oneLine(body.caption ?? t("preview.photo"));
    case "video":
      return oneLine(body.caption ?? t("preview.video"));
    case "audio":
      if (body.media.waveform !== undefined) return t("voice.message", { time: playTime(body.media.duration ?? 0) });
      return oneLine(body.caption ?? t("preview.audio"));
    case "file":
      return t("preview.file", { name: body.media.name });
    case "sticker":
      return body.media.name === "" ? t("preview.sticker") : t("preview.sticker.named", { name: body.media.name });
    case "location":
      return body.place.label === "" ? t("preview.location") : oneLine(body.place.label);
    case "poll":
      return t("preview.poll", { question: oneLine(body.poll.question) });
    case "deleted":
      return t("preview.deleted");
    case "encrypted":
      return t(body.why === "decrypting" ? "undecrypted.decrypting" : "preview.encrypted");
    case "unsupported":
      return body.text === "" ? t("preview.unsupported.type", { type: body.type }) : oneLine(body.text);
    case "change":
      return changeText(body.change, sender, t);
  }
}

export function changeText(change: RoomChange, sender: Person, t: Translate): string {
  const name = sender.me === true ? t("preview.you") : sender.name;
  switch (change.what) {
    case "called":
      return t("change.called", { from: change.from, to: change.to });
    case "call":
      return callText(change, sender, name, t);
    case "named":
      return change.name === "" ? t("change.unnamed", { name }) : t("change.named", { name, value: change.name });
    case "topic":
      return change.topic === ""
        ? t("change.untopic", { name })
        : t("change.topic", { name, value: oneLine(change.topic) });
    case "admission":
    case "history": {
      if (change.who === "other") return t("change.admission.other", { name });
      // In the words of the page where it is set.
      const key = `rules.${change.what}.${change.who}` as MessageKey;
      return t(`change.${change.what}`, { name, who: t(key) });
    }
    default: {
      const key: MessageKey = `change.${change.what}`;
      const said = t(key, "target" in change ? { name, target: targetName(change.target, t) } : { name });
      const reason = "reason" in change ? change.reason : undefined;
      return reason === undefined ? said : t("change.withReason", { said, reason: oneLine(reason) });
    }
  }
}

function callText(
  { video, outcome }: Extract<RoomChange, { what: "call" }>,
  sender: Person,
  name: string,
  t: Translate,
): string {
  const said = t(video ? "change.call.video" : "change.call", { name });
  if (outcome === undefined) return said;
  if (outcome.how === "missed") return t("change.call.missed", { name: sender.name });
  const how = outcome.how === "answered" ? lasted(outcome.lasted, t) : t(`change.call.${outcome.how}`);
  return t("change.call.ended", { said, outcome: how });
}

/** `12 min`, or seconds where it was less than a minute. */
function lasted(ms: number, t: Translate): string {
  const [value, unit] = ms < 60_000 ? [ms / 1000, "second"] : [ms / 60_000, "minute"];
  const format = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 } as const;
  return new Intl.NumberFormat(t.locale, format).format(value);
}

function targetName(target: Person, t: Translate): string {
  return target.me === true ? t("preview.youObject") : target.name;
}

export function typingText(names: readonly string[], t: Translate): string {
  const [first, second] = names;
  if (first === undefined) return "";
  if (second === undefined) return t("typing.one", { name: first });
  return names.length === 2 ? t("typing.two", { first, second }) : t("typing.many");
}

/** What is said, without the marks that it was written with. */
function wordsOf({ text, html }: { text: string; html?: string }): string {
  return html === undefined ? text : summaryOf(html);
}

/** Long messages are cut: nobody reads a page in a list. */
function oneLine(text: string): string {
  return text.slice(0, 300).replace(/\s+/g, " ").trim();
}
