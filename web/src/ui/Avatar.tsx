import { useMedia } from "../base/hooks.ts";
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
        <Initials name={name} />
      ) : (
        <Picture picture={picture} large={size === "xl"} name={name} />
      )}
    </span>
  );
}

/** Drawn, not written: they are part of no name, and are not copied with a text. */
function Initials({ name }: { name: string }) {
  return <span className="avatar__initials" data-initials={initials(name)} />;
}

function Picture({ picture, large, name }: { picture: Mxc; large: boolean; name: string }) {
  const pixels = large ? 192 : 96;
  const media = useMedia(picture, { width: pixels, height: pixels, method: "crop" });
  return media.status === "ready" ? (
    <img src={media.url} onError={media.onError} alt="" draggable={false} />
  ) : (
    <Initials name={name} />
  );
}
