import "./LinkPreviewCard.css";
import { useEffect, useRef, useState } from "react";
import { useMedia, useReadable } from "../../base/hooks.ts";
import { firstLink } from "../../lib/richtext.ts";
import type { LinkPreview, TimelineEvent } from "../../matrix/types.ts";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { linkPreviews, showsPreviews } from "../../viewmodels/linkPreviews.ts";

interface LinkPreviewCardProps {
  text: string;
  event: TimelineEvent;
  model: ConversationModel;
}

/** The first page that a message links to, as the server has seen it. Asked for when the message comes into sight. */
export function LinkPreviewCard({ text, event, model }: LinkPreviewCardProps) {
  const url = firstLink(text, window.location.origin);
  if (url === undefined || event.id === undefined) return null;
  return <Wanted key={url} url={url} event={event} model={model} />;
}

interface LinkProps {
  url: string;
  event: TimelineEvent;
  model: ConversationModel;
}

/** Apart from the link itself, so that most messages, which have none, depend on nothing. */
function Wanted({ url, event, model }: LinkProps) {
  const { encrypted } = useReadable(model.room.details);
  const choices = useReadable(linkPreviews);
  if (!showsPreviews(choices, model.roomId, encrypted)) return null;
  return <Loaded url={url} event={event} model={model} />;
}

function Loaded({ url, event, model }: LinkProps) {
  const place = useRef<HTMLSpanElement>(null);
  const [preview, setPreview] = useState<LinkPreview>();
  const { timestamp } = event;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let current = true;
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      // A page that cannot be fetched is a link without a preview.
      model.room.messages.preview(url, timestamp).then(
        (found) => current && setPreview(found),
        () => undefined,
      );
    });
    observer.observe(element);
    return () => {
      current = false;
      observer.disconnect();
    };
  }, [url, timestamp, model]);
  if (preview === undefined) return <span ref={place} className="link-preview__place" />;
  return <Card preview={preview} />;
}

function Card({ preview }: { preview: LinkPreview }) {
  const { url, site, title, text, image } = preview;
  return (
    <a className="link-preview" href={url} target="_blank" rel="noreferrer noopener">
      {image !== undefined && <Image preview={preview} image={image} />}
      <span className="link-preview__text">
        <span className="link-preview__site ellipsis">{site}</span>
        {title !== undefined && (
          <span className="link-preview__title" dir="auto">
            {title}
          </span>
        )}
        {text !== undefined && (
          <span className="link-preview__words" dir="auto">
            {text}
          </span>
        )}
      </span>
    </a>
  );
}

function Image({ preview, image }: { preview: LinkPreview; image: string }) {
  const state = useMedia(image, { width: 800, height: 600, method: "scale" });
  const { width = 1, height = 1 } = preview;
  // Small pictures are icons: they stand beside the words.
  const large = width >= 300 && width > height;
  if (state.status === "failed") return null;
  return (
    <span className="link-preview__image" data-large={large}>
      {state.status === "ready" && <img src={state.url} onError={state.onError} alt="" />}
    </span>
  );
}
