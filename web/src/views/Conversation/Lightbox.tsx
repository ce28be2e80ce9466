import "./Lightbox.css";
import {
  ChevronLeft,
  ChevronRight,
  Download,
  Forward,
  ImageOff,
  MessageSquareText,
  Reply,
  X,
  ZoomIn,
  ZoomOut,
} from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { useAccount, useMedia, useReadable, useT } from "../../base/hooks.ts";
import { momentText } from "../../lib/time.ts";
import { WHOLE, type Zoom } from "../../lib/zoom.ts";
import type { MediaSource, TimelineEvent } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { ForwardDialog } from "./ForwardDialog.tsx";
import { STEP, useGestures } from "./useGestures.ts";

interface LightboxProps {
  model: ConversationModel;
  event: TimelineEvent;
  onShow: (event: TimelineEvent) => void;
  onClose: () => void;
}

/** A picture or a film on the whole window; arrows and swipes lead to the others of the conversation. */
export function Lightbox({ model, event, onShow, onClose }: LightboxProps) {
  const t = useT();
  const { events } = useReadable(model.room.timeline.snapshot);
  const [forwarding, setForwarding] = useState(false);
  const [zoom, setZoom] = useState<Zoom>(WHOLE);
  const [shown, setShown] = useState(event.key);
  if (shown !== event.key) {
    setShown(event.key);
    setZoom(WHOLE);
  }
  const seen = events.filter(({ body }) => body.kind === "image" || body.kind === "video");
  const index = seen.findIndex(({ key }) => key === event.key);
  const before = seen[index - 1];
  const after = seen[index + 1];
  const step = (by: -1 | 1) => {
    const next = by < 0 ? before : after;
    if (next !== undefined) onShow(next);
  };
  useEffect(() => {
    const onKey = ({ key, target }: KeyboardEvent) => {
      if (target instanceof HTMLMediaElement) return;
      if (key === "ArrowLeft") step(-1);
      if (key === "ArrowRight") step(1);
      if (key === "0") setZoom(WHOLE);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
  if (event.body.kind !== "image" && event.body.kind !== "video") return null;
  const { media, caption, kind } = event.body;
  const leave = (action: () => void) => {
    onClose();
    action();
  };
  return (
    <Dialog title={media.name} bare onClose={onClose} className="lightbox">
      <Head event={event} media={media} onClose={onClose}>
        {kind === "image" && <ZoomButtons zoom={zoom} onZoom={setZoom} />}
        {event.can.react && (
          <IconButton label={t("action.reply")} onClick={() => leave(() => model.reply(event))}>
            <Reply />
          </IconButton>
        )}
        {event.id !== undefined && (
          <>
            <IconButton label={t("action.forward")} onClick={() => setForwarding(true)}>
              <Forward />
            </IconButton>
            <IconButton label={t("action.toMessage")} onClick={() => leave(() => void model.jumpTo(event.id ?? ""))}>
              <MessageSquareText />
            </IconButton>
          </>
        )}
      </Head>
      {kind === "image" ? (
        <Stage key={event.key} source={media} zoom={zoom} onZoom={setZoom} onStep={step} onClose={onClose} />
      ) : (
        <Film key={event.key} source={media} />
      )}
      {caption !== undefined && (
        <p className="lightbox__caption" dir="auto">
          {caption}
        </p>
      )}
      {before !== undefined && <Step side="left" onClick={() => step(-1)} />}
      {after !== undefined && <Step side="right" onClick={() => step(1)} />}
      {forwarding && (
        <ForwardDialog room={model.room} eventIds={[event.id ?? ""]} onClose={() => setForwarding(false)} />
      )}
    </Dialog>
  );
}

interface HeadProps {
  event: TimelineEvent;
  media: MediaSource;
  onClose: () => void;
  children: ReactNode;
}

function Head({ event, media, onClose, children }: HeadProps) {
  const t = useT();
  const account = useAccount();
  return (
    <div className="lightbox__head">
      <div className="lightbox__text">
        <div className="ellipsis">
          <bdi>{event.sender.name}</bdi>
        </div>
        <div className="lightbox__time ellipsis">
          {`${momentText(event.timestamp, t.locale)} · `}
          <bdi>{media.name}</bdi>
        </div>
      </div>
      {children}
      <IconButton
        label={t("action.download")}
        onClick={() => void attempt(() => account.media.save(media.mxc, media.name))}
      >
        <Download />
      </IconButton>
      <IconButton label={t("action.close")} onClick={onClose} data-autofocus>
        <X />
      </IconButton>
    </div>
  );
}

function ZoomButtons({ zoom, onZoom }: { zoom: Zoom; onZoom: (zoom: Zoom) => void }) {
  const t = useT();
  return (
    <>
      <IconButton
        label={t("lightbox.smaller")}
        className="lightbox__zoom"
        disabled={zoom.scale <= 1}
        onClick={() => onZoom(zoom.scale / STEP <= 1.05 ? WHOLE : { ...zoom, scale: zoom.scale / STEP })}
      >
        <ZoomOut />
      </IconButton>
      <IconButton
        label={t("lightbox.larger")}
        className="lightbox__zoom"
        onClick={() => onZoom({ ...zoom, scale: Math.min(8, zoom.scale * STEP) })}
      >
        <ZoomIn />
      </IconButton>
    </>
  );
}

interface StageProps {
  source: MediaSource;
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
  onStep: (by: -1 | 1) => void;
  onClose: () => void;
}

function Stage({ source, zoom, onZoom, onStep, onClose }: StageProps) {
  const t = useT();
  const full = useMedia(source.mxc);
  const small = useMedia(source.mxc, { width: 800, height: 600, method: "scale" });
  const gestures = useGestures({ zoom, onZoom, onStep, onClose });
  const shown = full.status === "ready" ? full : small;
  if (full.status === "failed") {
    return (
      <p className="lightbox__stage lightbox__failed">
        <ImageOff aria-hidden />
        {t(full.broken === true ? "message.imageBroken" : "message.imageFailed")}
      </p>
    );
  }
  return (
    // The picture itself is operated by the pointer only; everything else has its keys.
    <div className="lightbox__stage" data-zoomed={zoom.scale > 1} {...gestures}>
      {shown.status === "ready" && (
        <img
          src={shown.url}
          onError={shown.onError}
          alt={source.name}
          draggable={false}
          style={{ transform: `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})` }}
        />
      )}
    </div>
  );
}

function Film({ source }: { source: MediaSource }) {
  const t = useT();
  const state = useMedia(source.mxc);
  return (
    <div className="lightbox__stage" aria-busy={state.status === "loading"}>
      {state.status === "ready" && <video src={state.url} controls autoPlay aria-label={source.name} />}
      {state.status === "failed" && (
        <p className="lightbox__failed">
          <ImageOff aria-hidden />
          {t("message.imageFailed")}
        </p>
      )}
    </div>
  );
}

function Step({ side, onClick }: { side: "left" | "right"; onClick: () => void }) {
  const t = useT();
  const label = t(side === "left" ? "lightbox.previous" : "lightbox.next");
  return (
    <button
      type="button"
      className="lightbox__step"
      data-side={side}
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      {side === "left" ? <ChevronLeft /> : <ChevronRight />}
    </button>
  );
}
