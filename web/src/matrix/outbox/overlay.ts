/** Shows a change that is on its way as done; one that was refused, as refused. */
import type { MessageBody, PendingChange, Person, Reaction, TimelineEvent } from "../types.ts";
import { type OutboxItem, relationOf } from "./item.ts";
import { changeOf, sendStatusOf } from "./local.ts";

/** `edited` is the new body, where the change is an edit. */
export function withChange(
  event: TimelineEvent,
  item: OutboxItem,
  me: Person,
  edited: MessageBody | undefined,
): TimelineEvent {
  const what = changeOf(item) ?? "other";
  const emoji = what === "reaction" ? emojiOf(item) : undefined;
  const status = sendStatusOf(item);
  const change: PendingChange = {
    key: item.txnId,
    what,
    ...(emoji === undefined ? {} : { emoji }),
    status,
    ...(item.problem === undefined ? {} : { problem: item.problem }),
  };
  const noted = status === "sent" ? event : { ...event, changes: [...(event.changes ?? []), change] };
  if (status === "failed" || event.body.kind === "deleted") return noted;
  switch (what) {
    case "edit":
      return edited === undefined ? noted : { ...noted, body: edited, edited: true };
    case "reaction":
      return emoji === undefined ? noted : { ...noted, reactions: withMine(event.reactions, emoji, item, me) };
    case "deletion":
      return withoutTarget(noted, item, me);
    case "other":
      return noted;
  }
}

function withMine(reactions: readonly Reaction[], emoji: string, item: OutboxItem, me: Person): Reaction[] {
  const mine = item.eventId ?? item.txnId;
  const others = reactions.find((reaction) => reaction.emoji === emoji);
  if (others === undefined) return [...reactions, { emoji, count: 1, mine, names: [me.name] }];
  if (others.mine !== undefined) return [...reactions];
  const joined = { ...others, count: others.count + 1, mine, names: [...others.names, me.name] };
  return reactions.map((reaction) => (reaction === others ? joined : reaction));
}

/** A deletion takes away the event, or one's reaction to it. */
function withoutTarget(event: TimelineEvent, { action }: OutboxItem, me: Person): TimelineEvent {
  const target = action.kind === "redaction" ? action.target : undefined;
  if (target === event.id || target === event.key) {
    const can = { edit: false, delete: false, react: false };
    return { ...event, body: { kind: "deleted" }, quote: undefined, reactions: [], edited: false, can };
  }
  const reactions = event.reactions.flatMap((reaction): Reaction[] => {
    if (reaction.mine !== target) return [reaction];
    const names = reaction.names.filter((name, index) => name !== me.name || index !== reaction.names.indexOf(me.name));
    return reaction.count === 1 ? [] : [{ ...reaction, count: reaction.count - 1, mine: undefined, names }];
  });
  return { ...event, reactions };
}

function emojiOf({ action }: OutboxItem): string | undefined {
  const key = action.kind === "event" ? relationOf(action.content)?.key : undefined;
  return typeof key === "string" ? key : undefined;
}
