import { Lock, Mic, SendHorizontal, Square, Trash2 } from "lucide-react";
import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { playTime } from "../../lib/voice.ts";
import { IconButton } from "../../ui/controls.tsx";
import { showToast } from "../../viewmodels/toasts.ts";
import type { Uploads } from "../../viewmodels/uploads.ts";
import { type Recording, useRecorder } from "./useRecorder.ts";
import { VoicePlayer, Waveform } from "./VoiceMessage.tsx";

/** Pressed for less than this, a recording goes on by itself, in milliseconds. */
const TAP = 350;
/** How far a finger slides to keep recording, and to discard, in pixels. */
const TO_LOCK = 60;
const TO_DISCARD = 90;

/** Records while it is held, or after a tap until it is stopped; then one listens, and sends or discards. */
export function VoiceRecorder({ uploads, onBusy }: { uploads: Uploads; onBusy: (busy: boolean) => void }) {
  const t = useT();
  const { state, start, stop, reset } = useRecorder();
  const [held, setHeld] = useState(false);
  const ended = useRef<() => void>(undefined);
  const busy = state.phase === "recording" || state.phase === "done" || state.phase === "asking";
  useEffect(() => onBusy(busy), [busy, onBusy]);
  useEffect(() => () => ended.current?.(), []);
  useEffect(() => {
    if (state.phase !== "failed") return;
    showToast({ tone: "problem", message: { key: state.reason } });
    reset();
  }, [state]);

  const press = (down: PointerEvent) => {
    if (down.button !== 0) return;
    down.preventDefault();
    const at = { x: down.clientX, y: down.clientY, time: performance.now() };
    setHeld(true);
    void start();
    const release = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", up);
      window.removeEventListener("pointercancel", up);
      ended.current = undefined;
      setHeld(false);
    };
    const move = ({ clientX, clientY }: globalThis.PointerEvent) => {
      if (at.y - clientY > TO_LOCK) release();
      else if (Math.abs(clientX - at.x) > TO_DISCARD) {
        release();
        stop(false);
      }
    };
    const up = () => {
      release();
      if (performance.now() - at.time > TAP) stop(true);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", up);
    window.addEventListener("pointercancel", up);
    ended.current = release;
  };

  if (state.phase === "done")
    return (
      <Review
        recording={state.recording}
        onDiscard={reset}
        onSend={() => {
          const { file, duration, waveform } = state.recording;
          uploads.addVoice(file, duration, waveform);
          reset();
        }}
      />
    );
  if (state.phase === "recording" || state.phase === "asking") {
    const { levels = [], duration = 0 } = state.phase === "recording" ? state : {};
    const loudest = Math.max(...levels, 0.05);
    return (
      <div className="recorder">
        <IconButton label={t("voice.discard")} onClick={() => stop(false)}>
          <Trash2 />
        </IconButton>
        <span className="recorder__dot" aria-hidden />
        <span className="recorder__time" role="timer" aria-label={t("voice.recording", { time: playTime(duration) })}>
          {playTime(duration)}
        </span>
        <span className="recorder__wave">
          {held ? (
            <span className="recorder__hint ellipsis">
              <Lock aria-hidden />
              {t("voice.hint")}
            </span>
          ) : (
            <Waveform values={Array.from({ length: 60 }, (_, at) => (levels.at(at - 60) ?? 0) / loudest)} bars={60} />
          )}
        </span>
        <button
          type="button"
          className="composer__send"
          aria-label={t("voice.stop")}
          title={t("voice.stop")}
          onClick={() => stop(true)}
        >
          <Square />
        </button>
      </div>
    );
  }
  return (
    <button
      type="button"
      className="composer__send recorder__mic"
      aria-label={t("voice.record")}
      title={t("voice.short")}
      onPointerDown={press}
      // By the keyboard there is nothing to hold.
      onClick={(click) => click.detail === 0 && void start()}
      onContextMenu={(event) => event.preventDefault()}
    >
      <Mic />
    </button>
  );
}

interface ReviewProps {
  recording: Recording;
  onDiscard: () => void;
  onSend: () => void;
}

function Review({ recording, onDiscard, onSend }: ReviewProps) {
  const t = useT();
  const [url, setUrl] = useState<string>();
  const send = useRef<HTMLButtonElement>(null);
  const waveform = useMemo(() => recording.waveform.map((value) => value / 1024), [recording]);
  useEffect(() => {
    const created = URL.createObjectURL(recording.file);
    setUrl(created);
    send.current?.focus();
    return () => URL.revokeObjectURL(created);
  }, [recording]);
  return (
    <div className="recorder">
      <IconButton label={t("voice.discard")} onClick={onDiscard}>
        <Trash2 />
      </IconButton>
      <VoicePlayer url={url} duration={recording.duration} waveform={waveform} />
      <button
        ref={send}
        type="button"
        className="composer__send"
        aria-label={t("voice.send")}
        title={t("voice.send")}
        onClick={onSend}
      >
        <SendHorizontal />
      </button>
    </div>
  );
}
