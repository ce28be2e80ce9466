import { useT } from "../../app/hooks.ts";
import { EMOJI_GROUPS, type EmojiGroup } from "../../lib/emoji.ts";

const GROUPS = Object.keys(EMOJI_GROUPS) as EmojiGroup[];

export function EmojiPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const t = useT();
  return (
    <div className="emoji-picker" role="group" aria-label={t("emoji.title")}>
      {GROUPS.map((group) => (
        <section key={group} aria-label={t(`emoji.${group}`)}>
          <h3>{t(`emoji.${group}`)}</h3>
          <div className="emoji-picker__grid">
            {EMOJI_GROUPS[group].map((emoji) => (
              <button key={emoji} type="button" onClick={() => onPick(emoji)}>
                {emoji}
              </button>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}
