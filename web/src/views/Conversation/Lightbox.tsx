import { ChevronLeft, ChevronRight, Download, ImageOff, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useAccount, useMedia, useReadable, useT } from "../../app/hooks.ts";
import { fullTime } from "../../lib/time.ts";
import type { MediaSource, TimelineEvent } from "../../matrix/types.ts";
import { IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";

interface LightboxProps {
  model: ConversationModel;
  event: TimelineEvent;
  onShow: (event: TimelineEvent) => void;
  onClose: () => void;
}

/** A picture on the whole window; arrows lead to the other pictures of the conversation. */
export function Lightbox({ model, event, onShow, onClose }: LightboxProps) {
  const t = useT();
  const { media } = useAccount();
  const { events } = useReadable(model.room.timeline.snapshot);
  const pictures = events.filter(({ body }) => body.kind === "image");
  const index = pictures.findIndex(({ key }) => key === event.key);
  const before = pictures[index - 1];
  const after = pictures[index + 1];
  useEffect(() => {
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === "ArrowLeft" && before !== undefined) onShow(before);
      if (key === "ArrowRight" && after !== undefined) onShow(after);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });
  if (event.body.kind !== "image") return null;
  const source = event.body.media;
  return (
    <Dialog title={source.name} bare onClose={onClose} className="lightbox">
      <header className="lightbox__head">
        <div className="lightbox__text">
          <div className="ellipsis">{event.sender.name}</div>
          <div className="lightbox__time ellipsis">
            <bdi>{source.name}</bdi>
            {` · ${fullTime(event.timestamp, t.locale)}`}
          </div>
        </div>
        <IconButton
          label={t("action.download")}
          onClick={() => void attempt(() => media.save(source.mxc, source.name))}
        >
          <Download />
        </IconButton>
        <IconButton label={t("action.close")} onClick={onClose} data-autofocus>
          <X />
        </IconButton>
      </header>
      <Stage key={event.key} source={source} onClose={onClose} />
      {before !== undefined && <Step side="left" onClick={() => onShow(before)} />}
      {after !== undefined && <Step side="right" onClick={() => onShow(after)} />}
    </Dialog>
  );
}

function Stage({ source, onClose }: { source: MediaSource; onClose: () => void }) {
  const t = useT();
  const [zoomed, setZoomed] = useState(false);
  const full = useMedia(source.mxc);
  const small = useMedia(source.mxc, { width: 800, height: 600, method: "scale" });
  const shown = full.status === "ready" ? full : small;
  if (full.status === "failed") {
    return (
      <p className="lightbox__stage lightbox__failed">
        <ImageOff aria-hidden />
        {t("message.imageFailed")}
      </p>
    );
  }
  return (
    // The picture itself is operated by the pointer only; everything else has its keys.
    <div
      className="lightbox__stage"
      data-zoomed={zoomed}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      {shown.status === "ready" && <img src={shown.url} alt={source.name} onClick={() => setZoomed(!zoomed)} />}
    </div>
  );
}

function Step({ side, onClick }: { side: "left" | "right"; onClick: () => void }) {
  return (
    <button
      type="button"
      className="lightbox__step"
      data-side={side}
      aria-label={side === "left" ? "←" : "→"}
      onClick={onClick}
    >
      {side === "left" ? <ChevronLeft /> : <ChevronRight />}
    </button>
  );
}
