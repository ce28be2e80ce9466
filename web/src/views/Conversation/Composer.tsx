import { Check, Paperclip, Pencil, Reply, SendHorizontal, Smile, X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useEscape, usePhone, useReadable, useT } from "../../app/hooks.ts";
import { bodyText } from "../../lib/summary.ts";
import { IconButton } from "../../ui/controls.tsx";
import { Popover } from "../../ui/Popover.tsx";
import type { ComposerMode, ConversationModel } from "../../viewmodels/conversation.ts";
import { EmojiPicker } from "./EmojiPicker.tsx";

interface ComposerProps {
  model: ConversationModel;
  onFiles: (files: readonly File[]) => void;
}

/** Where messages are written. */
export function Composer({ model, onFiles }: ComposerProps) {
  const t = useT();
  const { can } = useReadable(model.room.details);
  const mode = useReadable(model.mode);
  const phone = usePhone();
  const input = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useComposerText(model, mode);
  useEscape(mode.kind !== "new", () => model.cancel());
  useGrowth(input, text);
  useEffect(() => {
    // On a phone the keyboard comes only when it is asked for.
    if (!phone || mode.kind !== "new") input.current?.focus();
  }, [mode, phone]);
  if (!can.send) return <p className="composer composer--closed">{t("composer.cannotSend")}</p>;

  const change = (next: string) => {
    setText(next);
    model.typed(next);
  };
  const send = () => {
    model.send(text);
    if (mode.kind !== "edit") setText("");
    input.current?.focus();
  };
  const insert = (emoji: string) => {
    const { selectionStart = text.length, selectionEnd = text.length } = input.current ?? {};
    change(text.slice(0, selectionStart) + emoji + text.slice(selectionEnd));
    const caret = selectionStart + emoji.length;
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(caret, caret);
    });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // Enter that ends the composition of an input method only accepts its proposal; 229 is how some browsers say so.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "" && mode.kind === "new" && model.editLast()) {
      event.preventDefault();
    }
  };
  const onPaste = (event: ClipboardEvent) => {
    const files = [...event.clipboardData.files];
    if (files.length === 0) return;
    event.preventDefault();
    onFiles(files);
  };
  return (
    <div className="composer">
      {mode.kind !== "new" && <ModeBar mode={mode} onCancel={() => model.cancel()} />}
      <div className="composer__box">
        <AttachButton onFiles={onFiles} />
        <textarea
          ref={input}
          rows={1}
          className="composer__input"
          aria-label={t("composer.label")}
          placeholder={t("composer.placeholder")}
          enterKeyHint="send"
          dir="auto"
          value={text}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <EmojiButton onPick={insert} />
        <button
          type="button"
          className="composer__send"
          aria-label={t(mode.kind === "edit" ? "action.save" : "action.send")}
          title={t(mode.kind === "edit" ? "action.save" : "action.send")}
          disabled={text.trim() === ""}
          onClick={send}
        >
          {mode.kind === "edit" ? <Check /> : <SendHorizontal />}
        </button>
      </div>
    </div>
  );
}

/** The text in the box: the draft, or while editing the message that is edited. */
function useComposerText(model: ConversationModel, mode: ComposerMode): [string, (text: string) => void] {
  const [text, setText] = useState(model.draft);
  const editing = mode.kind === "edit" ? mode.event : undefined;
  const [before, setBefore] = useState(editing);
  if (editing?.key !== before?.key) {
    setBefore(editing);
    setText(editing?.body.kind === "text" ? editing.body.text : model.draft);
  }
  return [text, setText];
}

/** The box is as high as its text, up to a third of the window. */
function useGrowth(input: React.RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const element = input.current;
    if (element === null) return;
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

function AttachButton({ onFiles }: { onFiles: (files: readonly File[]) => void }) {
  const t = useT();
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton label={t("composer.attach")} onClick={() => picker.current?.click()}>
        <Paperclip />
      </IconButton>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </>
  );
}

function EmojiButton({ onPick }: { onPick: (emoji: string) => void }) {
  const t = useT();
  const anchor = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [close] = useState(() => () => setOpen(false));
  return (
    <>
      <IconButton ref={anchor} label={t("composer.emoji")} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Smile />
      </IconButton>
      {open && anchor.current !== null && (
        <Popover anchor={anchor.current} label={t("composer.emoji")} onClose={close}>
          <EmojiPicker
            onPick={(emoji) => {
              close();
              onPick(emoji);
            }}
          />
        </Popover>
      )}
    </>
  );
}
