import { useMedia } from "../app/hooks.ts";
import { colourOf, initials } from "../lib/text.ts";
import type { Mxc } from "../matrix/types.ts";
import { classes } from "../lib/classes.ts";

interface AvatarProps {
  /** Decides the colour where there is no picture. */
  id: string;
  name: string;
  picture?: Mxc;
  size?: "xs" | "s" | "m" | "l" | "xl";
  /** Groups are square, people are round. */
  square?: boolean;
}

/** A picture, or the initials on a colour. It only decorates: the name always stands beside it. */
export function Avatar({ id, name, picture, size = "m", square = false }: AvatarProps) {
  return (
    <span
      className={classes("avatar", square && "avatar--square")}
      data-size={size}
      data-colour={colourOf(id)}
      aria-hidden
    >
      {picture === undefined ? (
        initials(name)
      ) : (
        <Picture picture={picture} large={size === "xl"} fallback={initials(name)} />
      )}
    </span>
  );
}

function Picture({ picture, large, fallback }: { picture: Mxc; large: boolean; fallback: string }) {
  const pixels = large ? 192 : 96;
  const media = useMedia(picture, { width: pixels, height: pixels, method: "crop" });
  return media.status === "ready" ? <img src={media.url} alt="" draggable={false} /> : fallback;
}
