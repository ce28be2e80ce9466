import { Ban, Download, File as FileIcon, ImageOff, LoaderCircle, Lock, Play } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useAccount, useMedia, useT } from "../../app/hooks.ts";
import { fileSize } from "../../lib/time.ts";
import type { MediaSource, TimelineEvent } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { PlainText, RichText } from "./RichText.tsx";

interface MessageContentProps {
  event: TimelineEvent;
  onPicture: () => void;
  meta: ReactNode;
}

export function MessageContent({ event, onPicture, meta }: MessageContentProps) {
  const t = useT();
  const { body, sender } = event;
  switch (body.kind) {
    case "text":
      return (
        <div className="bubble__text" data-style={body.style} dir="auto">
          {body.style === "emote" && (
            <>
              <bdi className="bubble__emote">{sender.name}</bdi>{" "}
            </>
          )}
          {body.html === undefined ? <PlainText text={body.text} /> : <RichText html={body.html} />}
          {meta}
        </div>
      );
    case "image":
      return (
        <>
          <Picture media={body.media} onOpen={onPicture} meta={body.caption === undefined ? meta : undefined} />
          <Caption text={body.caption} meta={meta} />
        </>
      );
    case "video":
    case "audio":
      return (
        <>
          <Player kind={body.kind} media={body.media} />
          <Caption text={body.caption} meta={meta} always />
        </>
      );
    case "file":
      return (
        <>
          <FileCard media={body.media} />
          <Caption text={body.caption} meta={meta} always />
        </>
      );
    case "deleted":
      return <Quiet icon={<Ban aria-hidden />} text={t("message.deleted")} meta={meta} />;
    case "encrypted":
      return <Quiet icon={<Lock aria-hidden />} text={t("message.encrypted")} meta={meta} />;
    case "unsupported":
      return <Quiet icon={<Ban aria-hidden />} text={body.text || t("message.unsupported")} meta={meta} />;
    case "change":
      return null;
  }
}

function Quiet({ icon, text, meta }: { icon: ReactNode; text: string; meta: ReactNode }) {
  return (
    <div className="bubble__text bubble__quiet">
      {icon}
      {text}
      {meta}
    </div>
  );
}

function Caption({ text, meta, always = false }: { text: string | undefined; meta: ReactNode; always?: boolean }) {
  if (text === undefined && !always) return null;
  return (
    <div className="bubble__text" dir="auto">
      {text !== undefined && <PlainText text={text} />}
      {meta}
    </div>
  );
}

/** The longest side of a picture in the timeline, in rem. */
const PICTURE_REM = 21;
const MIN_REM = 7;

function Picture({ media, onOpen, meta }: { media: MediaSource; onOpen: () => void; meta: ReactNode }) {
  const t = useT();
  // A thumbnail would not move.
  const animated = media.mimetype === "image/gif" && (media.size ?? Number.POSITIVE_INFINITY) < 4_000_000;
  const state = useMedia(media.mxc, animated ? undefined : { width: 800, height: 600, method: "scale" });
  const box = pictureBox(media.width, media.height);
  return (
    <button
      type="button"
      className="picture"
      style={box}
      aria-label={t("message.openPicture", { name: media.name })}
      onClick={onOpen}
    >
      {state.status === "ready" && <img src={state.url} alt={media.name} draggable={false} />}
      {state.status === "loading" && <span className="skeleton picture__wait" />}
      {state.status === "failed" && (
        <span className="picture__failed">
          <ImageOff aria-hidden />
          {t("message.imageFailed")}
        </span>
      )}
      {meta}
    </button>
  );
}

/** The space a picture will take, known before it has arrived, so that nothing jumps. */
export function pictureBox(
  width: number | undefined,
  height: number | undefined,
): { width: string; aspectRatio: string } {
  if (!width || !height) return { width: `${PICTURE_REM * 0.7}rem`, aspectRatio: "4 / 3" };
  // Very long or very wide pictures are cropped.
  const ratio = Math.min(3, Math.max(0.45, width / height));
  const natural = width / 16;
  const rem = Math.max(MIN_REM, Math.min(natural, PICTURE_REM, PICTURE_REM * ratio));
  return { width: `${rem.toFixed(2)}rem`, aspectRatio: ratio.toFixed(4) };
}

function FileCard({ media }: { media: MediaSource }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    await attempt(() => account.media.save(media.mxc, media.name));
    setBusy(false);
  };
  return (
    <div className="file-card">
      <span className="file-card__icon">
        <FileIcon aria-hidden />
      </span>
      <span className="file-card__text">
        <span className="file-card__name">{media.name}</span>
        {media.size !== undefined && <span className="file-card__size">{fileSize(media.size, t.locale)}</span>}
      </span>
      <IconButton label={`${t("action.download")}: ${media.name}`} disabled={busy} onClick={() => void save()}>
        {busy ? <LoaderCircle className="spin" /> : <Download />}
      </IconButton>
    </div>
  );
}

/** Sound and film are fetched when somebody wants them. */
function Player({ kind, media }: { kind: "video" | "audio"; media: MediaSource }) {
  const t = useT();
  const [wanted, setWanted] = useState(false);
  if (wanted) return <Playing kind={kind} media={media} />;
  return (
    <button
      type="button"
      className="file-card"
      aria-label={t("message.play", { name: media.name })}
      onClick={() => setWanted(true)}
    >
      <span className="file-card__icon">
        <Play aria-hidden />
      </span>
      <span className="file-card__text">
        <span className="file-card__name">{media.name}</span>
        {media.size !== undefined && <span className="file-card__size">{fileSize(media.size, t.locale)}</span>}
      </span>
    </button>
  );
}

function Playing({ kind, media }: { kind: "video" | "audio"; media: MediaSource }) {
  const state = useMedia(media.mxc);
  if (state.status !== "ready") return <FileCard media={media} />;
  if (kind === "audio") return <audio className="player" src={state.url} controls autoPlay />;
  return <video className="player" src={state.url} controls autoPlay style={pictureBox(media.width, media.height)} />;
}
