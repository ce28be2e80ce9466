import "./VoiceMessage.css";
import { CircleAlert, LoaderCircle, Pause, Play } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useMedia, useT } from "../../base/hooks.ts";
import { playTime, resample } from "../../lib/voice.ts";
import type { MediaSource } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";

const SPEEDS = [1, 1.5, 2] as const;
const BARS = 44;

/** The sound that is heard: another one that begins stops it. */
let heard: HTMLAudioElement | undefined;
/** Who listens fast, listens fast to the next one, too. */
let speedOfLast: number = SPEEDS[0];

/** A voice message that somebody has sent. It is fetched when somebody wants to hear it. */
export function VoiceMessage({ media, meta }: { media: MediaSource; meta?: ReactNode }) {
  const [wanted, setWanted] = useState(false);
  const state = useMedia(wanted ? media.mxc : undefined);
  return (
    <div className="voice-message">
      <VoicePlayer
        url={wanted && state.status === "ready" ? state.url : undefined}
        loading={wanted && state.status === "loading"}
        failed={wanted && state.status === "failed"}
        duration={media.duration ?? 0}
        waveform={media.waveform ?? []}
        onWanted={() => setWanted(true)}
      />
      {meta}
    </div>
  );
}

interface VoicePlayerProps {
  url: string | undefined;
  loading?: boolean;
  failed?: boolean;
  /** Milliseconds. */
  duration: number;
  /** 0 to 1. */
  waveform: readonly number[];
  onWanted?: () => void;
}

export function VoicePlayer({ url, loading = false, failed = false, duration, waveform, onWanted }: VoicePlayerProps) {
  const t = useT();
  const audio = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [position, setPosition] = useState(0);
  const [length, setLength] = useState(duration);
  const [speed, setSpeed] = useState(speedOfLast);
  const [broken, setBroken] = useState(false);
  /** Asked for before the sound was there. */
  const pending = useRef(false);
  useEffect(() => {
    if (url !== undefined && pending.current) {
      pending.current = false;
      void play();
    }
  }, [url]);
  useEffect(() => {
    if (!playing) return;
    let frame = requestAnimationFrame(function follow() {
      setPosition((audio.current?.currentTime ?? 0) * 1000);
      frame = requestAnimationFrame(follow);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing]);

  const play = async () => {
    const element = audio.current;
    if (element === null) return;
    if (heard !== element) heard?.pause();
    heard = element;
    element.playbackRate = speed;
    await element.play().catch(() => undefined);
  };
  const toggle = () => {
    if (playing) audio.current?.pause();
    else if (url === undefined) {
      pending.current = true;
      onWanted?.();
    } else void play();
  };
  const seek = (to: number) => {
    setPosition(to);
    if (audio.current !== null) audio.current.currentTime = to / 1000;
  };
  const faster = () => {
    const next = SPEEDS[(SPEEDS.indexOf(speed as 1) + 1) % SPEEDS.length] ?? 1;
    speedOfLast = next;
    setSpeed(next);
    if (audio.current !== null) audio.current.playbackRate = next;
  };
  const known = Math.max(length, 1);
  const shown = new Intl.NumberFormat(t.locale).format(speed);
  return (
    <div className="voice" role="group" aria-label={t("voice.message", { time: playTime(known) })}>
      <button
        type="button"
        className="voice__play"
        aria-label={t(playing ? "voice.pause" : "voice.play")}
        disabled={failed || broken}
        onClick={toggle}
      >
        {failed || broken ? (
          <CircleAlert />
        ) : loading ? (
          <LoaderCircle className="spin" />
        ) : playing ? (
          <Pause />
        ) : (
          <Play />
        )}
      </button>
      <div className="voice__middle">
        <div className="voice__track">
          <Waveform values={waveform} part={position / known} />
          <input
            type="range"
            className="voice__seek"
            aria-label={t("voice.position")}
            aria-valuetext={playTime(position)}
            min={0}
            max={known}
            step={100}
            value={Math.min(position, known)}
            disabled={url === undefined}
            onChange={(event) => seek(Number(event.target.value))}
          />
        </div>
        <span className="voice__time">
          {failed || broken ? t("voice.unplayable") : playTime(playing || position > 0 ? position : known)}
        </span>
      </div>
      <IconButton label={t("voice.speed", { speed: shown })} className="voice__speed" onClick={faster}>
        {shown}×
      </IconButton>
      {url !== undefined && (
        <audio
          ref={audio}
          src={url}
          preload="metadata"
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onEnded={() => {
            setPlaying(false);
            setPosition(0);
          }}
          onError={() => setBroken(true)}
          onLoadedMetadata={({ currentTarget: element }) => {
            // What a browser has recorded does not say how long it is, until its end has been looked for.
            if (element.duration === Number.POSITIVE_INFINITY) element.currentTime = 1e7;
          }}
          onDurationChange={({ currentTarget: element }) => {
            if (!Number.isFinite(element.duration)) return;
            setLength(element.duration * 1000);
            if (element.currentTime >= element.duration) element.currentTime = position / 1000;
          }}
        />
      )}
    </div>
  );
}

/** Loudness over time; the part that was heard is darker. */
export function Waveform({
  values,
  part = 1,
  bars = BARS,
}: {
  values: readonly number[];
  part?: number;
  bars?: number;
}) {
  return (
    <svg className="waveform" viewBox={`0 0 ${bars * 4} 32`} preserveAspectRatio="none" aria-hidden>
      {resample(values, bars).map((value, index) => {
        const height = Math.max(3, value * 30);
        return (
          <rect
            // Bars have no identity of their own.
            key={index}
            data-heard={index < part * bars}
            x={index * 4 + 0.5}
            y={(32 - height) / 2}
            width={2.6}
            height={height}
            rx={1.3}
          />
        );
      })}
    </svg>
  );
}
