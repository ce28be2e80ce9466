/** How the pictures of a call lie: which are large, which beside, and in how many columns. */
import type { CallParticipant } from "../matrix/calls/types.ts";

/** More pictures than this come on another page. */
export const PER_PAGE = 9;
/** What stands beside a large picture. */
const BESIDE = 6;

export interface CallTile {
  /** Of the participant, with `/screen` for their screen. */
  key: string;
  participant: CallParticipant;
  source: "camera" | "screen";
}

export interface CallLayout {
  kind: "grid" | "pair" | "stage";
  /** On the page that is shown. Of a pair, the other one. */
  tiles: readonly CallTile[];
  /** The large one of a stage. */
  stage?: CallTile;
  /** Of a pair, one's own picture. */
  own?: CallTile;
  page: number;
  pages: number;
}

export interface CallLayoutChoice {
  /** The large one, by the key of its tile. */
  pinned?: string;
  speakerView: boolean;
  page: number;
  /** Who has spoken last. */
  speaker?: string;
}

/** Screens first, then those with a raised hand in their order, then everybody else as they came. */
export function tilesOf(me: CallParticipant, others: readonly CallParticipant[]): readonly CallTile[] {
  const all = [...others, me];
  const raised = all
    .filter(({ hand }) => hand !== undefined)
    .sort((a, b) => (a.hand ?? 0) - (b.hand ?? 0))
    .map(({ key }) => key);
  const rank = ({ key }: CallParticipant) => (raised.includes(key) ? raised.indexOf(key) : raised.length);
  const people = [...all].sort((a, b) => rank(a) - rank(b));
  return [
    ...all.filter(({ screen }) => screen).map((participant) => tile(participant, "screen")),
    ...people.map((participant) => tile(participant, "camera")),
  ];
}

function tile(participant: CallParticipant, source: CallTile["source"]): CallTile {
  const key = source === "screen" ? `${participant.key}/screen` : participant.key;
  return { key, participant, source };
}

export function layoutCall(
  me: CallParticipant,
  others: readonly CallParticipant[],
  choice: CallLayoutChoice,
): CallLayout {
  const tiles = tilesOf(me, others);
  const [other] = others;
  const screens = tiles.filter(({ source }) => source === "screen");
  const pinned = tiles.find(({ key }) => key === choice.pinned);
  if (pinned === undefined && screens.length === 0 && !choice.speakerView) {
    if (other !== undefined && others.length === 1)
      return { kind: "pair", tiles: [tile(other, "camera")], own: tile(me, "camera"), page: 0, pages: 1 };
    return { kind: "grid", ...pageOf(tiles, choice.page, PER_PAGE) };
  }
  const stage = pinned ?? screens[0] ?? speakerOf(tiles, choice.speaker);
  const rest = tiles.filter((one) => one !== stage);
  return { kind: "stage", stage, ...pageOf(rest, choice.page, BESIDE) };
}

function speakerOf(tiles: readonly CallTile[], speaker: string | undefined): CallTile | undefined {
  const others = tiles.filter(({ participant }) => participant.me !== true);
  return others.find(({ key }) => key === speaker) ?? others[0] ?? tiles[0];
}

function pageOf(tiles: readonly CallTile[], wanted: number, size: number) {
  const pages = Math.max(1, Math.ceil(tiles.length / size));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  return { tiles: tiles.slice(page * size, (page + 1) * size), page, pages };
}

/** The columns in which pictures of a shape are largest in a window, and the width that each has then. */
export function columnsFor(
  count: number,
  width: number,
  height: number,
  gap: number,
  shape = 16 / 9,
): { columns: number; width: number } {
  let best = { columns: 1, width: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns++) {
    const rows = Math.ceil(count / columns);
    const wide = (width - gap * (columns - 1)) / columns;
    const high = (height - gap * (rows - 1)) / rows;
    const fits = Math.floor(Math.min(wide, high * shape));
    if (fits > best.width) best = { columns, width: fits };
  }
  return best;
}
