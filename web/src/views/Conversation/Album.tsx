import "./Album.css";
import { ImageOff, Play } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { useMedia, useT } from "../../base/hooks.ts";
import type { MediaSource, TimelineEvent } from "../../matrix/types.ts";
import { useLongPress } from "../../ui/useLongPress.ts";
import { PlainText } from "./RichText.tsx";

interface AlbumProps {
  events: readonly TimelineEvent[];
  meta: ReactNode;
  onPicture: (event: TimelineEvent) => void;
  onMenu: (event: TimelineEvent, anchor: Element) => void;
}

/** Pictures and films that were sent together, as one. */
export function Album({ events, meta, onPicture, onMenu }: AlbumProps) {
  const t = useT();
  const first = events[0]?.body;
  const caption = first !== undefined && "caption" in first ? first.caption : undefined;
  return (
    <>
      <div
        className="album"
        data-count={Math.min(events.length, 5)}
        data-rest={(events.length - 2) % 3}
        role="group"
        aria-label={t.count("album.label", events.length)}
      >
        {events.map((event) =>
          event.body.kind === "image" || event.body.kind === "video" ? (
            <Tile
              key={event.key}
              media={event.body.media}
              film={event.body.kind === "video"}
              onOpen={() => onPicture(event)}
              onMenu={(anchor) => onMenu(event, anchor)}
            />
          ) : null,
        )}
        {caption === undefined && <span className="album__meta">{meta}</span>}
      </div>
      {caption !== undefined && (
        <div className="bubble__text" dir="auto">
          <PlainText text={caption} />
          {meta}
        </div>
      )}
    </>
  );
}

interface TileProps {
  media: MediaSource;
  film: boolean;
  onOpen: () => void;
  onMenu: (anchor: Element) => void;
}

function Tile({ media, film, onOpen, onMenu }: TileProps) {
  const t = useT();
  const button = useRef<HTMLButtonElement>(null);
  const { onPointerDown, ...press } = useLongPress(() => button.current && onMenu(button.current));
  return (
    <button
      ref={button}
      type="button"
      className="album__tile"
      aria-label={t(film ? "message.play" : "message.openPicture", { name: media.name })}
      onClick={onOpen}
      onContextMenu={(event) => {
        // The menu is that of this picture, not of the first one.
        event.preventDefault();
        event.stopPropagation();
        onMenu(event.currentTarget);
      }}
      {...press}
      onPointerDown={(event) => {
        event.stopPropagation();
        onPointerDown(event);
      }}
    >
      {film ? media.poster !== undefined && <Picture mxc={media.poster} /> : <Picture mxc={media.mxc} />}
      {film && <Play className="album__play" aria-hidden />}
    </button>
  );
}

function Picture({ mxc }: { mxc: string }) {
  const state = useMedia(mxc, { width: 800, height: 600, method: "scale" });
  if (state.status === "ready") return <img src={state.url} onError={state.onError} alt="" draggable={false} />;
  if (state.status === "loading") return <span className="skeleton album__wait" />;
  return <ImageOff aria-hidden />;
}
