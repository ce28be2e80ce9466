import "./Composer.css";
import { Check, Info, Pencil, Reply, SendHorizontal, Smile, Timer, X } from "lucide-react";
import {
  type ClipboardEvent,
  type KeyboardEvent,
  lazy,
  memo,
  type RefObject,
  Suspense,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { useAccount, useEscape, usePhone, useReadable, useSelected, useT } from "../../base/hooks.ts";
import { isComposing } from "../../lib/keys.ts";
import { applyFormat, type Format } from "../../lib/formatting.ts";
import type { PackImage } from "../../lib/imagepacks.ts";
import { bodyText } from "../../lib/summary.ts";
import { playTime } from "../../lib/time.ts";
import { IconButton } from "../../ui/controls.tsx";
import { Popover } from "../../ui/Popover.tsx";
import { Tabs } from "../../ui/Tabs.tsx";
import type { ComposerModel, Replacement, Suggestion } from "../../viewmodels/composer.ts";
import type { ComposerMode, ConversationModel } from "../../viewmodels/conversation.ts";
import { drafts } from "../../viewmodels/drafts.ts";
import { habits } from "../../viewmodels/habits.ts";
import { composerOf } from "../../viewmodels/rooms.ts";
import { AttachMenu } from "./AttachMenu.tsx";
import { ComposerSuggestions, suggestionId } from "./ComposerSuggestions.tsx";
import { EmojiPicker } from "./EmojiPicker.tsx";
import { FormatBar } from "./FormatBar.tsx";
import { FormulaPreview } from "./FormulaPreview.tsx";
import { ScheduledBar, SendOptions } from "./SendOptions.tsx";
import { VoiceRecorder } from "./VoiceRecorder.tsx";

interface ComposerProps {
  model: ConversationModel;
  onFiles: (files: readonly File[]) => void;
}

/** Where messages are written. */
export const Composer = memo(function Composer({ model, onFiles }: ComposerProps) {
  const t = useT();
  const { can } = useReadable(model.room.details);
  if (!can.send) return <p className="composer composer--closed">{t("composer.cannotSend")}</p>;
  return <OpenComposer model={model} onFiles={onFiles} />;
});

function OpenComposer({ model, onFiles }: ComposerProps) {
  const t = useT();
  const account = useAccount();
  const writing = useMemo(() => composerOf(model, account), [model, account]);
  const mode = useReadable(model.mode);
  const completion = useReadable(writing.completion);
  const notice = useReadable(writing.notice);
  const { enterSends } = useReadable(habits);
  const phone = usePhone();
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useComposerText(writing, mode);
  const [chosen, setChosen] = useState(0);
  const [selecting, setSelecting] = useState(false);
  const [recording, setRecording] = useState(false);
  useEffect(() => writing.watch(), [writing]);
  useEscape(mode.kind !== "new", () => model.cancel());
  useGrowth(input, text);
  useEffect(() => {
    // On a phone the keyboard comes only when it is asked for.
    if (!phone || mode.kind !== "new") input.current?.focus();
  }, [mode, phone]);
  useEffect(() => setChosen(0), [completion?.trigger.query, completion?.trigger.start]);

  const change = (next: string) => {
    setText(next);
    writing.typed(next);
  };
  const caretMoved = () => {
    const element = input.current;
    if (element === null) return;
    const { selectionStart, selectionEnd, value } = element;
    setSelecting(selectionEnd > selectionStart);
    if (selectionEnd > selectionStart) writing.dismiss();
    else writing.caretAt(value, selectionStart);
  };
  const send = (options?: { silent?: boolean }) => {
    if (text.trim() === "" || !writing.send(text, options)) return;
    if (mode.kind !== "edit") setText("");
    input.current?.focus();
  };
  const choose = (suggestion: Suggestion) => {
    const replacement = writing.choose(suggestion);
    if (replacement !== undefined) replace(input.current, replacement);
  };
  const format = (kind: Format) => {
    const element = input.current;
    if (element === null) return;
    const { value, selectionStart: start, selectionEnd: end } = element;
    const next = applyFormat({ text: value, start, end }, kind);
    replace(element, difference(value, next.text), next);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Keys of an input method are its own: Enter only accepts its proposal; 229 is how some browsers say so.
    if (isComposing(event.nativeEvent)) return;
    if (completion !== undefined && suggestionKey(event)) return;
    const kind = formatOf(event, input.current);
    if (kind !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      format(kind);
    } else if (event.key === "Enter" && sends(event, enterSends)) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "" && mode.kind === "new" && model.editLast()) {
      event.preventDefault();
    }
  };
  /** Keys that move through the suggestions; true when it was one of them. */
  const suggestionKey = (event: KeyboardEvent): boolean => {
    const all = completion?.suggestions ?? [];
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const suggestion = all[chosen];
    if (step !== 0) setChosen((chosen + step + all.length) % all.length);
    else if (event.key === "Escape") writing.dismiss();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && suggestion !== undefined) {
      // A command that is written out is carried out.
      const whole = suggestion.kind === "command" && text === `/${suggestion.name}` && event.key === "Enter";
      if (whole) return false;
      choose(suggestion);
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const onPaste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    onFiles(files);
  };
  const empty = text.trim() === "";
  const pause = usePause(model);
  const held = pause > 0 && mode.kind !== "edit";
  const active = completion?.suggestions[chosen];
  return (
    <div className="composer">
      <ScheduledBar composing={model.room.composing} />
      {mode.kind !== "new" && <ModeBar mode={mode} onCancel={() => model.cancel()} />}
      {notice !== undefined && (
        <p className="composer__notice" role="alert">
          <Info aria-hidden />
          {t(notice.key, notice.params)}
        </p>
      )}
      {held && (
        <p className="composer__notice composer__notice--calm" role="timer" aria-label={t("slow.title")}>
          <Timer aria-hidden />
          {t("slow.left", { time: playTime(Math.ceil(pause / 1000)) })}
        </p>
      )}
      {text.includes("$") && <FormulaPreview text={text} />}
      <div className="composer__anchor">
        {completion !== undefined && (
          <ComposerSuggestions completion={completion} chosen={chosen} onHover={setChosen} onChoose={choose} />
        )}
        {completion === undefined && selecting && <FormatBar onFormat={format} />}
      </div>
      <div className="composer__box" data-recording={recording}>
        <AttachMenu model={model} onFiles={onFiles} />
        <textarea
          ref={input}
          rows={1}
          className="composer__input"
          aria-label={t("composer.label")}
          aria-autocomplete="list"
          aria-controls={completion === undefined ? undefined : "composer-suggestions"}
          aria-activedescendant={active === undefined ? undefined : suggestionId(chosen)}
          placeholder={t("composer.placeholder")}
          enterKeyHint={enterSends ? "send" : "enter"}
          dir="auto"
          value={text}
          onChange={(event) => {
            change(event.target.value);
            caretMoved();
          }}
          onSelect={caretMoved}
          onBlur={() => setSelecting(false)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <EmojiButton
          model={model}
          onPick={(emoji) => insert(input.current, emoji)}
          onEmote={(image) => insert(input.current, writing.emoteText(image))}
        />
        {!empty && mode.kind !== "edit" && (
          <SendOptions
            writing={writing}
            text={text}
            onSilent={() => send({ silent: true })}
            onScheduled={() => setText("")}
          />
        )}
        {empty && mode.kind !== "edit" && !held ? (
          <VoiceRecorder uploads={model.uploads} onBusy={setRecording} />
        ) : (
          <button
            type="button"
            className="composer__send"
            aria-label={t(mode.kind === "edit" ? "action.save" : "action.send")}
            title={t(mode.kind === "edit" ? "action.save" : "action.send")}
            disabled={empty || held}
            onClick={() => send()}
          >
            {mode.kind === "edit" ? <Check /> : <SendHorizontal />}
          </button>
        )}
      </div>
    </div>
  );
}

function sends(event: KeyboardEvent, enterSends: boolean): boolean {
  if (event.ctrlKey || event.metaKey) return true;
  return enterSends && !event.shiftKey && !event.altKey;
}

const FORMAT_KEYS: Readonly<Record<string, Format>> = { b: "bold", i: "italic", e: "code", k: "link" };

/** Ctrl or ⌘ and a letter. Without a selection, K is the way to other conversations. */
function formatOf(event: KeyboardEvent, input: HTMLTextAreaElement | null): Format | undefined {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || input === null) return undefined;
  const format = event.shiftKey ? (event.key.toLowerCase() === "x" ? "strike" : undefined) : FORMAT_KEYS[event.key];
  return format === "link" && input.selectionStart === input.selectionEnd ? undefined : format;
}

/** Changes a part of the text as if it were typed, so that it can be undone. */
function replace(
  input: HTMLTextAreaElement | null,
  { start, end, text }: Replacement,
  selection?: { start: number; end: number },
): void {
  if (input === null) return;
  input.focus();
  input.setSelectionRange(start, end);
  const command = text === "" ? "delete" : "insertText";
  if ((text !== "" || end > start) && !document.execCommand(command, false, text)) {
    input.setRangeText(text, start, end, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (selection !== undefined) input.setSelectionRange(selection.start, selection.end);
}

function insert(input: HTMLTextAreaElement | null, text: string): void {
  // The picker gives the focus back first.
  requestAnimationFrame(() => {
    if (input !== null) replace(input, { start: input.selectionStart, end: input.selectionEnd, text });
  });
}

/** The part in which two texts differ. */
function difference(before: string, after: string): Replacement {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let same = 0;
  const most = Math.min(before.length, after.length) - start;
  while (same < most && before[before.length - 1 - same] === after[after.length - 1 - same]) same++;
  return { start, end: before.length - same, text: after.slice(start, after.length - same) };
}

/** The text in the box: the draft, or while editing the message that is edited. */
function useComposerText(writing: ComposerModel, mode: ComposerMode): [string, (text: string) => void] {
  const { draftKey } = writing.conversation;
  const draft = useSelected(drafts, (all) => all[draftKey]) ?? "";
  const editing = mode.kind === "edit" ? mode.event : undefined;
  const [text, setText] = useState(() => (editing === undefined ? draft : writing.startEdit(editing)));
  const [before, setBefore] = useState(editing);
  const [known, setKnown] = useState(draft);
  if (editing?.key !== before?.key) {
    setBefore(editing);
    if (editing === undefined) writing.endEdit();
    setText(editing === undefined ? draft : writing.startEdit(editing));
  } else if (draft !== known) {
    // Changed by another device of the account, unless it is what has just been typed.
    setKnown(draft);
    if (editing === undefined && draft !== text && draft.trim() !== text.trim()) setText(draft);
  }
  return [text, setText];
}

/** Milliseconds until one may write again, counted down. */
function usePause(model: ConversationModel): number {
  const { pause } = useReadable(model.room.details);
  // A message of one's own begins the pause.
  useSelected(model.room.timeline.snapshot, () => (pause === 0 ? undefined : model.lastWritten()));
  const [now, setNow] = useState(Date.now);
  const left = pause === 0 ? 0 : model.pauseLeft(Math.max(now, Date.now()));
  const waiting = left > 0;
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [waiting]);
  return left;
}

/** Whether the style sheet does it alone, without a layout of the whole page for each key. */
const GROWS_BY_ITSELF = CSS.supports?.("field-sizing", "content");

/** The box is as high as its text, up to a third of the window. */
function useGrowth(input: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const element = input.current;
    if (element === null || GROWS_BY_ITSELF) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, window.innerHeight / 3)}px`;
    element.dataset.full = String(element.scrollHeight > window.innerHeight / 3);
  }, [input, text]);
}

function ModeBar({ mode, onCancel }: { mode: Exclude<ComposerMode, { kind: "new" }>; onCancel: () => void }) {
  const t = useT();
  const { sender, body, own } = mode.event;
  const title =
    mode.kind === "edit"
      ? t("composer.editing")
      : own
        ? t("composer.replying.self")
        : t("composer.replying", { name: sender.name });
  return (
    <div className="composer__mode">
      {mode.kind === "edit" ? <Pencil aria-hidden /> : <Reply aria-hidden />}
      <div className="composer__mode-text">
        <div className="composer__mode-title ellipsis">{title}</div>
        <div className="ellipsis">{bodyText(body, sender, t)}</div>
      </div>
      <IconButton label={t("action.cancel")} onClick={onCancel}>
        <X />
      </IconButton>
    </div>
  );
}

const StickerPicker = lazy(() => import("../Packs/StickerPicker.tsx"));
const GifPicker = lazy(() => import("../Packs/GifPicker.tsx"));
const PacksDialog = lazy(() => import("../Packs/PacksDialog.tsx"));

interface EmojiButtonProps {
  model: ConversationModel;
  onPick: (emoji: string) => void;
  onEmote: (image: PackImage) => void;
}

/** Emoji for the text, stickers and GIFs instead of it. */
function EmojiButton({ model, onPick, onEmote }: EmojiButtonProps) {
  const t = useT();
  const anchor = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState<"picker" | "packs">();
  const [tab, setTab] = useState<"emoji" | "stickers" | "gifs">("emoji");
  const [close] = useState(() => () => setOpen(undefined));
  return (
    <>
      <IconButton
        ref={anchor}
        label={t("composer.emoji")}
        aria-expanded={open === "picker"}
        onClick={() => setOpen(open === undefined ? "picker" : undefined)}
      >
        <Smile />
      </IconButton>
      {open === "picker" && anchor.current !== null && (
        <Popover anchor={anchor.current} label={t("composer.emoji")} onClose={close}>
          <Tabs
            label={t("composer.emoji")}
            value={tab}
            options={[
              { value: "emoji", label: t("packs.emoji") },
              { value: "stickers", label: t("packs.stickers") },
              { value: "gifs", label: t("gifs.title") },
            ]}
            onChange={setTab}
          >
            {tab === "emoji" && (
              <EmojiPicker
                roomId={model.roomId}
                onPick={(emoji) => {
                  close();
                  onPick(emoji);
                }}
                onEmote={(image) => {
                  close();
                  onEmote(image);
                }}
              />
            )}
            <Suspense fallback={<div className="emoji-picker" aria-busy="true" />}>
              {tab === "stickers" && (
                <StickerPicker
                  roomId={model.roomId}
                  onPick={(image) => {
                    close();
                    model.sticker(image);
                  }}
                  // The picker gives the focus back before the dialog takes it.
                  onPacks={() => {
                    close();
                    setTimeout(() => setOpen("packs"), 0);
                  }}
                />
              )}
              {tab === "gifs" && (
                <GifPicker
                  encrypted={model.room.composing.encrypted}
                  onPick={(gif) => {
                    close();
                    model.gif(gif);
                  }}
                />
              )}
            </Suspense>
          </Tabs>
        </Popover>
      )}
      {open === "packs" && (
        <Suspense fallback={null}>
          <PacksDialog roomId={model.roomId} onClose={close} />
        </Suspense>
      )}
    </>
  );
}
