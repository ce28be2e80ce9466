/** Moving pictures that somebody keeps, to send them again: what is kept of one, and the message that it becomes. */
import type { MediaSource, MessageBody, Mxc } from "../matrix/types.ts";
import { fold } from "./folding.ts";
import { cleanName } from "./text.ts";

/** What the account data has under its content URI. */
export interface AboutGif {
  /** Its caption, or else the name of its file; may be empty. */
  name: string;
  mimetype: string;
  width?: number;
  height?: number;
  size?: number;
  blurhash?: string;
  /** A still picture of it that came with it. */
  thumbnail?: Mxc;
}

export interface Gif extends AboutGif {
  mxc: Mxc;
}

/** Those used last stay. */
export const MOST_GIFS = 200;
const LONGEST_NAME = 100;
/** Larger ones move only in the viewer. */
const MOVING_BYTES = 4_000_000;

/** Kinds of pictures that can move; of all but GIF, the message has to say that they do. */
const CAN_MOVE = /^image\/(?:gif|webp|avif|apng|png)$/;
export const BLURHASH = "xyz.amorgan.blurhash";
/** Of a file that is not encrypted: that of an encrypted one has its key in the fragment. */
const PLAIN_MXC = /^mxc:\/\/[^/#?\s]{1,255}\/[\w-]{1,255}$/;

export function moves({ mimetype = "", animated }: Pick<MediaSource, "mimetype" | "animated">): boolean {
  return CAN_MOVE.test(mimetype) && (animated ?? mimetype === "image/gif");
}

/** Whether the picture itself may be fetched to be shown among others: a thumbnail does not move. */
export function isLight({ size }: { size?: number }): boolean {
  return size !== undefined && size < MOVING_BYTES;
}

/**
 * What would be kept of a message: nothing where it does not move, and nothing of an encrypted file. The key of such a
 * file would lie in the account data, which the server can read.
 */
export function gifOf(body: MessageBody): Gif | undefined {
  if (body.kind !== "image" || !moves(body.media)) return undefined;
  const { mxc, name, poster, ...rest } = body.media;
  const about = readGif(mxc, { ...rest, name: body.caption ?? name, thumbnail: poster });
  return about && { mxc, ...about };
}

/** Reads an entry of the account data, which any client may have written. */
export function readGif(mxc: string, value: unknown): AboutGif | undefined {
  if (typeof value !== "object" || value === null || !PLAIN_MXC.test(mxc)) return undefined;
  const { name, mimetype, width, height, size, blurhash, thumbnail } = value as Record<string, unknown>;
  if (typeof mimetype !== "string" || !CAN_MOVE.test(mimetype)) return undefined;
  return {
    name: typeof name === "string" ? shortName(name) : "",
    mimetype,
    ...(isWhole(width) && isWhole(height) ? { width, height } : {}),
    ...(isWhole(size) ? { size } : {}),
    ...(typeof blurhash === "string" && /^[!-~]{6,100}$/.test(blurhash) ? { blurhash } : {}),
    ...(typeof thumbnail === "string" && PLAIN_MXC.test(thumbnail) ? { thumbnail } : {}),
  };
}

/** The message that sends one again, without another upload. */
export function gifContent({ mxc, name, mimetype, width, height, size, blurhash, thumbnail }: Gif) {
  const info = {
    mimetype,
    is_animated: true,
    ...(width === undefined ? {} : { w: width, h: height }),
    ...(size === undefined ? {} : { size }),
    ...(blurhash === undefined ? {} : { [BLURHASH]: blurhash }),
    ...(thumbnail === undefined ? {} : { thumbnail_url: thumbnail }),
  };
  return { msgtype: "m.image", body: name || "GIF", url: mxc, info, "m.mentions": {} };
}

/** By what is in their names, in any order; case, accents and width do not matter. */
export function searchGifs(gifs: readonly Gif[], term: string): readonly Gif[] {
  const words = fold(term).split(/\s+/).filter(Boolean);
  return gifs.filter(({ name }) => {
    const folded = fold(name);
    return words.every((word) => folded.includes(word));
  });
}

function shortName(name: string): string {
  return [...cleanName(name.slice(0, 10 * LONGEST_NAME))].slice(0, LONGEST_NAME).join("").trim();
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
