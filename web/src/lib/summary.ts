/** Says in one line what a message or a change is. */
import type { MessageKey } from "../i18n/en.ts";
import type { Translate } from "../i18n/translate.ts";
import type { MessageBody, Person, Preview, RoomChange } from "../matrix/types.ts";
import { isolated } from "./text.ts";

/** The last message of a conversation, as the list shows it. */
export function previewText(preview: Preview, direct: boolean, t: Translate): string {
  const { body, own, sender } = preview;
  if (direct && body.kind === "change" && isBeginning(body.change)) return t("preview.started");
  const text = bodyText(body, sender, t);
  if (body.kind === "change" || (body.kind === "text" && body.style === "emote")) return text;
  if (own) return t("preview.from", { name: t("preview.you"), text });
  return direct ? text : t("preview.from", { name: sender.name, text });
}

/** What makes a direct chat, and need not be said there. */
export function isBeginning(change: RoomChange): boolean {
  return change.what === "created" || change.what === "invited" || change.what === "joined";
}

/** A message without its sender. */
export function bodyText(body: MessageBody, sender: Person, t: Translate): string {
  switch (body.kind) {
    case "text":
      return oneLine(body.style === "emote" ? `${isolated(sender.name)} ${body.text}` : body.text);
    case "image":
      return oneLine(body.caption ?? t("preview.photo"));
    case "video":
      return oneLine(body.caption ?? t("preview.video"));
    case "audio":
      return oneLine(body.caption ?? t("preview.audio"));
    case "file":
      return t("preview.file", { name: body.media.name });
    case "deleted":
      return t("preview.deleted");
    case "encrypted":
      return t("preview.encrypted");
    case "unsupported":
      return body.text === "" ? t("preview.unsupported") : oneLine(body.text);
    case "change":
      return changeText(body.change, sender, t);
  }
}

export function changeText(change: RoomChange, sender: Person, t: Translate): string {
  const name = sender.me === true ? t("preview.you") : sender.name;
  switch (change.what) {
    case "called":
      return t("change.called", { from: change.from, to: change.to });
    case "named":
      return change.name === "" ? t("change.unnamed", { name }) : t("change.named", { name, value: change.name });
    case "topic":
      return change.topic === ""
        ? t("change.untopic", { name })
        : t("change.topic", { name, value: oneLine(change.topic) });
    default: {
      const key: MessageKey = `change.${change.what}`;
      return t(key, "target" in change ? { name, target: targetName(change.target, t) } : { name });
    }
  }
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

/** Long messages are cut: nobody reads a page in a list. */
function oneLine(text: string): string {
  return text.slice(0, 300).replace(/\s+/g, " ").trim();
}
