import "./MessageCard.css";
import type { ReactNode } from "react";
import { useT } from "../base/hooks.ts";
import { bodyText } from "../lib/summary.ts";
import { fullTime, listTime } from "../lib/time.ts";
import type { MessageSummary } from "../matrix/types.ts";
import { Avatar } from "./Avatar.tsx";

interface MessageCardProps {
  message: MessageSummary;
  /** Beside the name of the sender: the conversation, for instance. */
  detail?: string;
  now: number;
  onOpen: () => void;
  /** Buttons at the end. */
  children?: ReactNode;
  /** In place of the message's words. */
  text?: ReactNode;
}

/** A message in a list: pinned, saved, found. A click leads to it. */
export function MessageCard({ message, detail, now, onOpen, children, text }: MessageCardProps) {
  const t = useT();
  const { sender, own, timestamp, body } = message;
  return (
    <div className="message-card">
      <button type="button" className="message-card__open" onClick={onOpen}>
        <Avatar id={sender.id} name={sender.name} picture={sender.avatar} size="s" />
        <span className="message-card__main">
          <span className="message-card__head">
            <bdi className="message-card__name ellipsis">{own ? t("preview.you") : sender.name}</bdi>
            {detail !== undefined && <span className="message-card__detail ellipsis">{detail}</span>}
            <time
              className="message-card__time"
              dateTime={new Date(timestamp).toISOString()}
              title={fullTime(timestamp, t.locale)}
            >
              {listTime(timestamp, now, t.locale)}
            </time>
          </span>
          <span className="message-card__text" dir="auto">
            {text ?? bodyText(body, sender, t)}
          </span>
        </span>
      </button>
      {children}
    </div>
  );
}
