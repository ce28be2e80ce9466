import "./AudioPlayer.css";
import { LoaderCircle, Pause, Play } from "lucide-react";
import { useRef, useState } from "react";
import { useMedia, useT } from "../../base/hooks.ts";
import { fileSize, playTime } from "../../lib/time.ts";
import type { MediaSource } from "../../matrix/types.ts";

const SPEEDS = [1, 1.5, 2] as const;

/** Sound is fetched when somebody wants to hear it. */
export function AudioPlayer({ media }: { media: MediaSource }) {
  const t = useT();
  const [wanted, setWanted] = useState(false);
  if (wanted) return <Playing media={media} />;
  const facts = [
    media.duration === undefined ? undefined : playTime(media.duration / 1000),
    media.size === undefined ? undefined : fileSize(media.size, t.locale),
  ].filter((fact) => fact !== undefined);
  return (
    <div className="audio">
      <button
        type="button"
        className="audio__button"
        aria-label={t("message.play", { name: media.name })}
        onClick={() => setWanted(true)}
      >
        <Play aria-hidden />
      </button>
      <span className="audio__main">
        <bdi className="audio__name ellipsis">{media.name}</bdi>
        <span className="audio__facts">{facts.join(" · ")}</span>
      </span>
    </div>
  );
}

function Playing({ media }: { media: MediaSource }) {
  const t = useT();
  const state = useMedia(media.mxc);
  const player = useRef<HTMLAudioElement>(null);
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState((media.duration ?? 0) / 1000);
  const [speed, setSpeed] = useState<(typeof SPEEDS)[number]>(1);
  const toggle = () => (playing ? player.current?.pause() : void player.current?.play());
  const faster = () => {
    const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length] ?? 1;
    setSpeed(next);
    if (player.current !== null) player.current.playbackRate = next;
  };
  if (state.status === "failed") return <p className="audio audio__failed">{t("message.mediaFailed")}</p>;
  return (
    <div className="audio">
      <button
        type="button"
        className="audio__button"
        aria-label={t(playing ? "message.pause" : "message.play", { name: media.name })}
        disabled={state.status !== "ready"}
        onClick={toggle}
      >
        {state.status !== "ready" ? <LoaderCircle className="spin" /> : playing ? <Pause /> : <Play />}
      </button>
      <span className="audio__main">
        <bdi className="audio__name ellipsis">{media.name}</bdi>
        <input
          type="range"
          className="audio__range"
          aria-label={t("message.position")}
          aria-valuetext={playTime(at)}
          min={0}
          max={Math.max(length, 0.1)}
          step={0.1}
          value={at}
          onChange={(event) => {
            if (player.current !== null) player.current.currentTime = Number(event.target.value);
            setAt(Number(event.target.value));
          }}
        />
        <span className="audio__facts">{`${playTime(at)} / ${playTime(length)}`}</span>
      </span>
      <button type="button" className="audio__speed" aria-label={t("message.speed")} onClick={faster}>
        {`${new Intl.NumberFormat(t.locale).format(speed)}×`}
      </button>
      {state.status === "ready" && (
        <audio
          ref={player}
          src={state.url}
          autoPlay
          onPlay={() => setPlaying(true)}
          onPause={() => setPlaying(false)}
          onEnded={() => setPlaying(false)}
          onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
          onDurationChange={({ currentTarget: { duration } }) => Number.isFinite(duration) && setLength(duration)}
        />
      )}
    </div>
  );
}
