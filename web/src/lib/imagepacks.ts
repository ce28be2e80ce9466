/** Image packs: named collections of small pictures, for use within a text or as stickers (spec: "Image packs"). */
import type { Mxc } from "../matrix/types.ts";

/** The types of the specification first, then those from before it, which are read as well. */
export const ROOM_PACK = ["m.room.image_pack", "im.ponies.room_emotes"] as const;
export const PACK_ROOMS = ["m.image_pack.rooms", "im.ponies.emote_rooms"] as const;
/** A pack of the account's own. The specification has none: this is what other clients know. */
export const OWN_PACK = "im.ponies.user_emotes";

export type PackUse = "emoticon" | "sticker";

export interface PackImage {
  /** The short code, without colons. */
  code: string;
  mxc: Mxc;
  /** What it shows, in words. */
  name: string;
  info: Readonly<Record<string, unknown>>;
  uses: readonly PackUse[];
}

export interface ImagePack {
  /** Of the room and the state key, or of the account. */
  id: string;
  /** Absent for the account's own. */
  place?: { roomId: string; key: string };
  name: string;
  avatar?: Mxc;
  attribution?: string;
  uses: readonly PackUse[];
  images: readonly PackImage[];
  /** The account uses it in every room. */
  everywhere: boolean;
  editable: boolean;
}

type Content = Readonly<Record<string, unknown>>;

const BOTH: readonly PackUse[] = ["emoticon", "sticker"];
const CODE = /^[A-Za-z0-9_-]{1,100}$/;
/** A room's state is limited; what is beyond this is not shown. */
const MOST = 1000;

/** Which part of a pack its content describes; nothing where it has no pictures. */
export function readPack(
  content: Content,
  fallbackName: string,
): Pick<ImagePack, "name" | "avatar" | "attribution" | "uses" | "images"> | undefined {
  if (!isRecord(content.images)) return undefined;
  const about = isRecord(content.pack) ? content.pack : {};
  const uses = readUses(about.usage) ?? BOTH;
  const images = Object.entries(content.images)
    .slice(0, MOST)
    .flatMap(([code, image]) => readImage(code, image, uses));
  return {
    name: text(about.display_name)?.trim().slice(0, 100) || fallbackName,
    ...optional("avatar", mxc(about.avatar_url)),
    ...optional("attribution", text(about.attribution)?.trim() || undefined),
    uses,
    images,
  };
}

function readImage(code: string, image: unknown, uses: readonly PackUse[]): PackImage[] {
  if (!isRecord(image) || code === "" || code.length > 100) return [];
  const url = mxc(image.url);
  if (url === undefined) return [];
  return [
    {
      code,
      mxc: url,
      name: text(image.body)?.trim() || code,
      info: isRecord(image.info) ? image.info : {},
      // Before the specification, single pictures could say so, too.
      uses: readUses(image.usage) ?? uses,
    },
  ];
}

/** What somebody has made of a pack, on top of the content that it had: what is not understood here stays. */
export function packContent(
  before: Content,
  pack: { name: string; attribution: string; uses: readonly PackUse[] },
  images: readonly Pick<PackImage, "code" | "mxc" | "name" | "info">[],
): Record<string, unknown> {
  const about = isRecord(before.pack) ? { ...before.pack } : {};
  set(about, "display_name", pack.name.trim());
  set(about, "attribution", pack.attribution.trim());
  if (pack.uses.length === BOTH.length) delete about.usage;
  else about.usage = [...pack.uses];
  const known = Object.values(isRecord(before.images) ? before.images : {}).filter(isRecord);
  return {
    ...before,
    pack: about,
    images: Object.fromEntries(
      images.map(({ code, mxc, name, info }) => {
        const { body: _, ...same } = known.find(({ url }) => url === mxc) ?? {};
        return [code, { ...same, url: mxc, ...(name === code ? {} : { body: name }), info }];
      }),
    ),
  };
}

/** The rooms and keys of the packs that the account uses everywhere. */
export function readPackRooms(content: Content | undefined): { roomId: string; key: string }[] {
  if (!isRecord(content?.rooms)) return [];
  return Object.entries(content.rooms).flatMap(([roomId, keys]) =>
    isRecord(keys) ? Object.keys(keys).map((key) => ({ roomId, key })) : [],
  );
}

/** The account data with one pack more or less; everything else in it stays as it is. */
export function withPackRoom(content: Content, { roomId, key }: { roomId: string; key: string }, on: boolean): Content {
  const rooms: Record<string, unknown> = isRecord(content.rooms) ? { ...content.rooms } : {};
  const keys: Record<string, unknown> = isRecord(rooms[roomId]) ? { ...rooms[roomId] } : {};
  if (on) keys[key] ??= {};
  else delete keys[key];
  if (Object.keys(keys).length > 0) rooms[roomId] = keys;
  else delete rooms[roomId];
  return { ...content, rooms };
}

export function isShortcode(code: string): boolean {
  return CODE.test(code);
}

/** A short code from the name of a file, that none of the others has. */
export function shortcodeFor(filename: string, taken: ReadonlySet<string>): string {
  const plain = filename
    .replace(/\.[^.]*$/, "")
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/[^A-Za-z0-9_-]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .toLowerCase()
    .slice(0, 60);
  const wanted = plain === "" ? "picture" : plain;
  let code = wanted;
  for (let number = 2; taken.has(code); number++) code = `${wanted}_${number}`;
  return code;
}

/** Pictures for a use, with their packs, best matches first. */
export function searchPacks(
  packs: readonly ImagePack[],
  use: PackUse,
  term: string,
  limit: number,
): { pack: ImagePack; image: PackImage }[] {
  const wanted = term.replaceAll(":", "").trim().toLowerCase();
  const found: { pack: ImagePack; image: PackImage; score: number }[] = [];
  for (const pack of packs)
    for (const image of pack.images) {
      if (!image.uses.includes(use)) continue;
      const code = image.code.toLowerCase();
      const words = image.name.toLowerCase();
      const score = code === wanted ? 4 : code.startsWith(wanted) ? 3 : code.includes(wanted) ? 2 : 0;
      const total = score || (words.includes(wanted) ? 1 : 0);
      if (total > 0) found.push({ pack, image, score: total });
    }
  return found.sort((a, b) => b.score - a.score).slice(0, limit);
}

/** What stands for a picture in a text. */
export function emoteHtml({ mxc, name, code }: Pick<PackImage, "mxc" | "name" | "code">): string {
  const [alt, title] = [attribute(name), attribute(code)];
  return `<img data-mx-emoticon src="${attribute(mxc)}" alt="${alt}" title="${title}" height="32" />`;
}

export function isMxc(value: string): boolean {
  return /^mxc:\/\/[^/\s]+\/[\w-]+$/.test(value);
}

function attribute(value: string): string {
  return value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}

function readUses(value: unknown): readonly PackUse[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const uses = BOTH.filter((use) => value.includes(use));
  return uses.length === 0 ? undefined : uses;
}

function set(record: Record<string, unknown>, key: string, value: string): void {
  if (value === "") delete record[key];
  else record[key] = value;
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function mxc(value: unknown): string | undefined {
  return typeof value === "string" && isMxc(value) ? value : undefined;
}
