import { useMedia } from "../base/hooks.ts";
import type { Mxc } from "../matrix/types.ts";
import { classes } from "../lib/classes.ts";

interface EmoteProps {
  mxc: Mxc;
  /** What it shows, in words; nothing where these stand beside it. */
  alt: string;
  title?: string;
  className?: string;
}

/** A small picture where a character would stand. */
export function Emote({ mxc, alt, title, className }: EmoteProps) {
  const state = useMedia(mxc, { width: 96, height: 96, method: "scale" });
  if (state.status === "failed") return <span title={title}>{title === undefined ? alt : `:${title}:`}</span>;
  if (state.status === "loading") return <span className={classes("emote emote--wait", className)} aria-hidden />;
  return (
    <img
      className={classes("emote", className)}
      src={state.url}
      onError={state.onError}
      alt={alt}
      title={title}
      draggable={false}
    />
  );
}
