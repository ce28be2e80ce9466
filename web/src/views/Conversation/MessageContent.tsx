import {
  Ban,
  CircleQuestionMark,
  Download,
  File as FileIcon,
  FileText,
  ImageOff,
  LoaderCircle,
  Play,
} from "lucide-react";
import { type CSSProperties, type ReactNode, useState } from "react";
import { useAccount, useMedia, useReducedMotion, useT } from "../../base/hooks.ts";
import { classes } from "../../lib/classes.ts";
import { isLight, moves } from "../../lib/gifs.ts";
import { isLong } from "../../lib/text.ts";
import { fileSize, playTime } from "../../lib/time.ts";
import type { MediaSource, TimelineEvent } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { Undecrypted } from "../Encryption/Undecrypted.tsx";
import { PollCard } from "../Polls/PollCard.tsx";
import { AudioPlayer } from "./AudioPlayer.tsx";
import { LinkPreviewCard } from "./LinkPreviewCard.tsx";
import { LocationCard } from "./LocationCard.tsx";
import { PlainText, RichText } from "./RichText.tsx";
import { VoiceMessage } from "./VoiceMessage.tsx";

interface MessageContentProps {
  event: TimelineEvent;
  model: ConversationModel;
  onPicture: () => void;
  meta: ReactNode;
}

export function MessageContent({ event, model, onPicture, meta }: MessageContentProps) {
  const t = useT();
  const { body, sender } = event;
  switch (body.kind) {
    case "text":
      return (
        <>
          <div className="bubble__text" data-style={body.style} dir="auto">
            <Collapsible long={isLong(body.text)}>
              {body.style === "emote" && (
                <>
                  <bdi className="bubble__emote">{sender.name}</bdi>{" "}
                </>
              )}
              {body.html === undefined ? <PlainText text={body.text} /> : <RichText html={body.html} />}
            </Collapsible>
            {meta}
          </div>
          <LinkPreviewCard text={body.text} event={event} model={model} />
        </>
      );
    case "image":
      return (
        <>
          <div className="picture-frame">
            <Picture
              media={body.media}
              framed={body.caption !== undefined || event.quote !== undefined || event.reactions.length > 0}
              onOpen={onPicture}
            />
            {body.caption === undefined && meta}
          </div>
          <Caption text={body.caption} meta={meta} />
        </>
      );
    case "video":
      return (
        <>
          <FilmCard media={body.media} onOpen={onPicture} />
          <Caption text={body.caption} meta={meta} always />
        </>
      );
    case "audio":
      if (body.media.waveform !== undefined) return <VoiceMessage media={body.media} meta={meta} />;
      return (
        <>
          <AudioPlayer media={body.media} />
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
    case "sticker":
      return <Sticker media={body.media} meta={meta} />;
    case "location":
      return <LocationCard place={body.place} meta={meta} />;
    case "poll":
      return <PollCard poll={body.poll} event={event} model={model} meta={meta} />;
    case "deleted": {
      const { reason } = body;
      const text = reason === undefined ? t("message.deleted") : t("message.deleted.reason", { reason });
      return <Quiet icon={<Ban aria-hidden />} text={text} meta={meta} />;
    }
    case "encrypted":
      return <Undecrypted why={body.why} sender={sender} meta={meta} />;
    case "unsupported":
      return <Unsupported text={body.text} type={body.type} meta={meta} />;
    case "change":
      return null;
  }
}

/** Shows the beginning of a long message until somebody wants the rest. */
function Collapsible({ long, children }: { long: boolean; children: ReactNode }) {
  const t = useT();
  const [open, setOpen] = useState(false);
  if (!long) return children;
  return (
    <>
      <div className={classes("collapsible", !open && "collapsible--closed")}>{children}</div>
      <button type="button" className="collapsible__more" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t(open ? "action.showLess" : "action.showMore")}
      </button>
    </>
  );
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

/** What it says as far as it can be read, and what it is. */
function Unsupported({ text, type, meta }: { text: string; type: string; meta: ReactNode }) {
  const t = useT();
  return (
    <div className="bubble__text" dir="auto">
      {text !== "" && <PlainText text={text} />}
      <span className="bubble__unsupported">
        <CircleQuestionMark aria-hidden />
        {t(text === "" ? "message.unsupported.type" : "message.unsupported.text", { type })}
      </span>
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

/** Words beside a picture narrower than this would stand in a column. */
const FRAME_REM = 15;

/** A thumbnail does not move. */
const STILL = { width: 800, height: 600, method: "scale" } as const;

interface PictureProps {
  media: MediaSource;
  /** There are words above or below it: the picture is at least as wide as these need. */
  framed: boolean;
  onOpen: () => void;
}

/** One that moves does so in place, unless it is heavy or one wants less motion: then in the viewer. */
function Picture({ media, framed, onOpen }: PictureProps) {
  const t = useT();
  const moving = moves(media);
  const still = useReducedMotion() || !isLight(media);
  const state = useMedia(media.mxc, moving && !still ? undefined : STILL);
  const box = framed ? frameBox(media.width, media.height) : pictureBox(media.width, media.height);
  const narrow = framed && box.aspectRatio === "auto";
  if (state.status === "failed" && state.broken === true) return <BrokenPicture media={media} box={box} />;
  return (
    <button
      type="button"
      className={classes("picture", narrow && "picture--narrow")}
      style={box}
      aria-label={t("message.openPicture", { name: media.name })}
      onClick={onOpen}
    >
      {state.status === "ready" && narrow && <img className="picture__blur" src={state.url} alt="" aria-hidden />}
      {state.status === "ready" && <img src={state.url} onError={state.onError} alt={media.name} draggable={false} />}
      {state.status === "ready" && moving && still && (
        <span className="film__play">
          <Play aria-hidden />
        </span>
      )}
      {state.status === "loading" && <span className="skeleton picture__wait" />}
      {state.status === "failed" && (
        <span className="picture__failed">
          <ImageOff aria-hidden />
          {t("message.imageFailed")}
        </span>
      )}
    </button>
  );
}

/** One that has arrived and cannot be shown; another program may know it. */
function BrokenPicture({ media, box }: { media: MediaSource; box: CSSProperties }) {
  const t = useT();
  const account = useAccount();
  return (
    <button
      type="button"
      className="picture"
      style={box}
      aria-label={`${t("message.imageBroken")}. ${t("action.download")}: ${media.name}`}
      onClick={() => void attempt(() => account.media.save(media.mxc, media.name))}
    >
      <span className="picture__failed">
        <ImageOff aria-hidden />
        {t("message.imageBroken")}
        <Download aria-hidden />
      </span>
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

/** Like {@link pictureBox}, as wide as words need: a narrow picture stands in the middle, at its own height. */
function frameBox(width: number | undefined, height: number | undefined) {
  const box = pictureBox(width, height);
  const rem = Number.parseFloat(box.width);
  if (rem >= FRAME_REM || !width || !height) return box;
  return { width: `${FRAME_REM}rem`, height: `${(rem / Number(box.aspectRatio)).toFixed(2)}rem`, aspectRatio: "auto" };
}

/** Stands by itself, without a bubble. Few say whether they move, so the original is shown where one wants motion. */
function Sticker({ media, meta }: { media: MediaSource; meta: ReactNode }) {
  const t = useT();
  const state = useMedia(media.mxc, useReducedMotion() ? STILL : undefined);
  const name = media.name || t("preview.sticker");
  return (
    <div className="sticker" role="img" aria-label={name} title={name}>
      <span className="sticker__box" style={{ aspectRatio: pictureBox(media.width, media.height).aspectRatio }}>
        {state.status === "ready" && <img src={state.url} onError={state.onError} alt="" draggable={false} />}
        {state.status === "loading" && <span className="skeleton sticker__wait" />}
        {state.status === "failed" && <span className="sticker__name">{name}</span>}
      </span>
      {meta}
    </div>
  );
}

function isPdf({ mimetype, name }: MediaSource): boolean {
  return mimetype === "application/pdf" || /\.pdf$/i.test(name);
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
  const open = async () => {
    // Only while the click is being handled may a tab be opened; what it shows comes later.
    const tab = window.open("about:blank", "_blank");
    if (tab === null) return save();
    tab.opener = null;
    setBusy(true);
    if (!(await attempt(() => account.media.open(media.mxc, tab)))) tab.close();
    setBusy(false);
  };
  const about = (
    <>
      <span className="file-card__icon">{isPdf(media) ? <FileText aria-hidden /> : <FileIcon aria-hidden />}</span>
      <span className="file-card__text">
        <span className="file-card__name">{media.name}</span>
        {media.size !== undefined && <span className="file-card__size">{fileSize(media.size, t.locale)}</span>}
      </span>
    </>
  );
  return (
    <div className="file-card">
      {isPdf(media) ? (
        <button type="button" className="file-card__open" title={t("file.open")} onClick={() => void open()}>
          {about}
        </button>
      ) : (
        about
      )}
      <IconButton label={`${t("action.download")}: ${media.name}`} disabled={busy} onClick={() => void save()}>
        {busy ? <LoaderCircle className="spin" /> : <Download />}
      </IconButton>
    </div>
  );
}

/** A film is fetched when somebody wants to see it; until then its picture, its length and its size are shown. */
function FilmCard({ media, onOpen }: { media: MediaSource; onOpen: () => void }) {
  const t = useT();
  const facts = [
    media.duration === undefined ? undefined : playTime(media.duration / 1000),
    media.size === undefined ? undefined : fileSize(media.size, t.locale),
  ].filter((fact) => fact !== undefined);
  return (
    <button
      type="button"
      className="film"
      style={pictureBox(media.width, media.height)}
      aria-label={t("message.play", { name: media.name })}
      onClick={onOpen}
    >
      {media.poster === undefined ? <span className="film__blank" /> : <Poster poster={media.poster} />}
      <span className="film__play">
        <Play aria-hidden />
      </span>
      {facts.length > 0 && <span className="film__facts">{facts.join(" · ")}</span>}
    </button>
  );
}

function Poster({ poster }: { poster: string }) {
  const state = useMedia(poster, STILL);
  return state.status === "ready" ? (
    <img src={state.url} onError={state.onError} alt="" draggable={false} />
  ) : (
    <span className="film__blank" />
  );
}
