import "./EmojiPicker.css";
import { Bike, Clock, Dumbbell, Flag, Hash, Leaf, Lightbulb, Pizza, Smile, Users } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import {
  EMOJI_GROUPS,
  type Emoji,
  type EmojiGroup,
  inTone,
  loadEmoji,
  SKIN_TONES,
  type SkinTone,
  searchEmoji,
} from "../../lib/emoji.ts";
import { isComposing } from "../../lib/keys.ts";
import { type PackImage, searchPacks } from "../../lib/imagepacks.ts";
import { Emote } from "../../ui/Emote.tsx";
import { SearchBox } from "../../ui/controls.tsx";
import { habits, setHabit, usedEmoji } from "../../viewmodels/habits.ts";

const ICONS: Record<EmojiGroup | "recent", ReactNode> = {
  recent: <Clock />,
  smileys: <Smile />,
  people: <Users />,
  nature: <Leaf />,
  food: <Pizza />,
  travel: <Bike />,
  activities: <Dumbbell />,
  objects: <Lightbulb />,
  symbols: <Hash />,
  flags: <Flag />,
};
const HANDS = ["✋", "✋🏻", "✋🏼", "✋🏽", "✋🏾", "✋🏿"] as const;
const COLUMNS = 8;
const FOUND = 120;

interface EmojiPickerProps {
  /** The room whose packs of pictures can be used, too. */
  roomId: string;
  onPick: (emoji: string) => void;
  onEmote: (image: PackImage) => void;
}

/** All emoji and the pictures of packs, by group or by a search; arrows move through them. */
export function EmojiPicker({ roomId, onPick, onEmote }: EmojiPickerProps) {
  const t = useT();
  const account = useAccount();
  const packs = useReadable(account.packs.in(roomId)).filter(({ images }) => images.some(isEmoticon));
  const { recent, tone } = useReadable(habits);
  const [all, failed] = useEmoji(t.locale);
  const [term, setTerm] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const groups = useMemo(() => {
    const byGroup = new Map<EmojiGroup, Emoji[]>(EMOJI_GROUPS.map((group) => [group, []]));
    for (const emoji of all ?? []) byGroup.get(emoji.group)?.push(emoji);
    return byGroup;
  }, [all]);
  const pick = (emoji: string) => {
    usedEmoji(emoji);
    onPick(emoji);
  };
  const jump = (group: string) =>
    list.current?.querySelector(`[data-group="${CSS.escape(group)}"]`)?.scrollIntoView({ block: "start" });
  // The order of what was used last does not change under the pointer.
  const [shownRecent] = useState(recent);
  // At once, for the next key may choose from it.
  const found = term.trim() === "" || all === undefined ? undefined : searchEmoji(all, term, FOUND);
  const emotes = found === undefined ? undefined : searchPacks(packs, "emoticon", term, FOUND);
  const sections: (EmojiGroup | "recent")[] = [
    ...(shownRecent.length > 0 ? (["recent"] as const) : []),
    ...EMOJI_GROUPS,
  ];
  const section = (group: EmojiGroup | "recent") => (
    <section key={group} data-group={group} aria-label={t(`emoji.${group}`)}>
      <h3>{t(`emoji.${group}`)}</h3>
      {group === "recent" ? (
        <div className="emoji-picker__grid">
          {shownRecent.map((emoji) => (
            <button key={emoji} type="button" tabIndex={-1} onClick={() => pick(emoji)}>
              {emoji}
            </button>
          ))}
        </div>
      ) : (
        <Grid emoji={groups.get(group) ?? []} tone={tone} onPick={pick} />
      )}
    </section>
  );
  return (
    <div
      className="emoji-picker"
      role="group"
      aria-label={t("emoji.title")}
      onKeyDown={(key) => moveFocus(key, list.current)}
    >
      <div className="emoji-picker__head">
        <SearchBox label={t("emoji.search")} value={term} onChange={setTerm} data-autofocus="true" />
        <ToneButton tone={tone} />
      </div>
      <div className="emoji-picker__groups" role="toolbar" aria-label={t("emoji.title")}>
        {sections.map((group) => (
          <button
            key={group}
            type="button"
            aria-label={t(`emoji.${group}`)}
            title={t(`emoji.${group}`)}
            disabled={found !== undefined}
            onClick={() => jump(group)}
          >
            {ICONS[group]}
          </button>
        ))}
        {packs.map((pack) => (
          <button
            key={pack.id}
            type="button"
            className="emoji-picker__pack"
            aria-label={pack.name}
            title={pack.name}
            disabled={found !== undefined}
            onClick={() => jump(pack.id)}
          >
            <Emote mxc={pack.avatar ?? pack.images.find(isEmoticon)?.mxc ?? ""} alt="" />
          </button>
        ))}
      </div>
      <div ref={list} className="emoji-picker__list">
        {failed && <p className="emoji-picker__none">{t("emoji.failed")}</p>}
        {found !== undefined && (
          <section aria-label={t("emoji.search")} aria-live="polite">
            {emotes !== undefined && emotes.length > 0 && (
              <EmoteGrid images={emotes.map(({ image }) => image)} onPick={onEmote} />
            )}
            <Grid emoji={found} tone={tone} onPick={pick} />
            {found.length === 0 && emotes?.length === 0 && <p className="emoji-picker__none">{t("emoji.none")}</p>}
          </section>
        )}
        {found === undefined && all !== undefined && sections.includes("recent") && section("recent")}
        {found === undefined &&
          packs.map((pack) => (
            <section key={pack.id} data-group={pack.id} aria-label={pack.name}>
              <h3>
                <bdi>{pack.name}</bdi>
              </h3>
              <EmoteGrid images={pack.images.filter(isEmoticon)} onPick={onEmote} />
            </section>
          ))}
        {found === undefined && all !== undefined && EMOJI_GROUPS.map(section)}
      </div>
    </div>
  );
}

function isEmoticon({ uses }: PackImage): boolean {
  return uses.includes("emoticon");
}

function EmoteGrid({ images, onPick }: { images: readonly PackImage[]; onPick: (image: PackImage) => void }) {
  return (
    <div className="emoji-picker__grid">
      {images.map((image) => (
        <button
          key={`${image.code} ${image.mxc}`}
          type="button"
          tabIndex={-1}
          aria-label={image.name}
          title={image.name === image.code ? `:${image.code}:` : `${image.name} :${image.code}:`}
          onClick={() => onPick(image)}
        >
          <Emote mxc={image.mxc} alt="" />
        </button>
      ))}
    </div>
  );
}

interface GridProps {
  emoji: readonly Emoji[];
  tone: SkinTone;
  onPick: (emoji: string) => void;
}

function Grid({ emoji, tone, onPick }: GridProps) {
  return (
    <div className="emoji-picker__grid">
      {emoji.map((item) => {
        const shown = inTone(item, tone);
        const code = item.codes[0];
        return (
          <button
            key={item.emoji}
            type="button"
            tabIndex={-1}
            aria-label={item.name}
            title={code === undefined ? item.name : `${item.name} :${code}:`}
            onClick={() => onPick(shown)}
          >
            {shown}
          </button>
        );
      })}
    </div>
  );
}

function ToneButton({ tone }: { tone: SkinTone }) {
  const t = useT();
  const [open, setOpen] = useState(false);
  return (
    <div className="emoji-picker__tone" role="group" aria-label={t("emoji.tone")}>
      {(open ? SKIN_TONES : [tone]).map((choice) => (
        <button
          key={choice}
          type="button"
          aria-label={open ? t(`emoji.tone.${choice}`) : t("emoji.tone")}
          title={open ? t(`emoji.tone.${choice}`) : t("emoji.tone")}
          aria-expanded={open ? undefined : false}
          aria-pressed={open ? choice === tone : undefined}
          onClick={() => {
            if (open) setHabit("tone", choice);
            setOpen(!open);
          }}
        >
          {HANDS[choice]}
        </button>
      ))}
    </div>
  );
}

function useEmoji(locale: string): [readonly Emoji[] | undefined, boolean] {
  const [all, setAll] = useState<readonly Emoji[]>();
  const [failed, setFailed] = useState(false);
  const language = locale.toLowerCase().startsWith("zh") ? "zh" : "en";
  useEffect(() => {
    let current = true;
    loadEmoji(language).then(
      (loaded) => current && setAll(loaded),
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [language]);
  return [all, failed];
}

/** From the search to the emoji and among them; Enter in the search takes the first one. */
export function moveFocus(event: KeyboardEvent, list: HTMLElement | null, columns = COLUMNS): void {
  if (isComposing(event.nativeEvent) || list === null) return;
  const target = event.target as HTMLElement;
  const buttons = [...list.querySelectorAll<HTMLButtonElement>("button")];
  if (target instanceof HTMLInputElement) {
    if (event.key === "Enter") buttons[0]?.click();
    else if (event.key === "ArrowDown") buttons[0]?.focus();
    else return;
    event.preventDefault();
    return;
  }
  const index = buttons.indexOf(target as HTMLButtonElement);
  if (index < 0) return;
  const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
  const step = steps[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const next = buttons[index + step];
  if (next !== undefined) next.focus();
  else if (step < 0) list.parentElement?.querySelector("input")?.focus();
}
