import type { Translate } from "../../i18n/index.ts";
import { isMxc } from "../../lib/imagepacks.ts";
import type { Reaction } from "../../matrix/types.ts";
import { Emote } from "../../ui/Emote.tsx";

/** What somebody has reacted with. */
export function ReactionMark({ emoji }: { emoji: string }) {
  return isMxc(emoji) ? <Emote mxc={emoji} alt="" /> : emoji;
}

/** The same in words. */
export function reactionName({ emoji, shortcode }: Pick<Reaction, "emoji" | "shortcode">, t: Translate): string {
  if (!isMxc(emoji)) return emoji;
  return shortcode === undefined ? t("packs.picture") : `:${shortcode}:`;
}
