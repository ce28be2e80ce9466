/** The order and the nesting of what is in spaces, from the bare relations. */

/** One `m.space.child` of a space. */
export interface SpaceChild {
  id: string;
  /** As its space sorts it: fifty printable characters at most, or nothing. */
  order?: string;
  suggested: boolean;
  /** When it was added, in milliseconds since the epoch. */
  added: number;
  /** Servers that know it. */
  via: readonly string[];
}

/** Reads an `m.space.child`; nothing where it names no server, which is how one is taken out (spec: "Spaces"). */
export function readSpaceChild(id: string, content: Readonly<Record<string, unknown>>, added: number) {
  const { via, order, suggested } = content;
  if (!Array.isArray(via) || via.length === 0 || !id.startsWith("!")) return undefined;
  const valid = typeof order === "string" && /^[\x20-\x7e]{1,50}$/.test(order);
  return {
    id,
    ...(valid ? { order } : {}),
    suggested: suggested === true,
    added,
    via: via.filter((server): server is string => typeof server === "string"),
  } satisfies SpaceChild;
}

/** Those with an order come first, by it; the others by when they were added (spec: "Ordering of children"). */
export function byOrder(a: SpaceChild, b: SpaceChild): number {
  if (a.order !== b.order) {
    if (a.order === undefined) return 1;
    if (b.order === undefined) return -1;
    return a.order < b.order ? -1 : 1;
  }
  return a.added - b.added || (a.id < b.id ? -1 : 1);
}

/** Spaces in spaces are followed this far. */
const DEEPEST = 8;

/** All rooms of a space and of the spaces in it, each once. Circles end where they began. */
export function roomsWithin(space: string, children: ReadonlyMap<string, readonly SpaceChild[]>): string[] {
  const rooms = new Set<string>();
  const seen = new Set<string>();
  const visit = (id: string, depth: number) => {
    if (seen.has(id) || depth > DEEPEST) return;
    seen.add(id);
    for (const child of children.get(id) ?? []) {
      if (children.has(child.id)) visit(child.id, depth + 1);
      else rooms.add(child.id);
    }
  };
  visit(space, 0);
  return [...rooms];
}

/** The spaces that stand in no other one. Of a circle that nothing leads into, the first stands for all of it. */
export function topSpaces(children: ReadonlyMap<string, readonly SpaceChild[]>): string[] {
  const reached = new Set<string>();
  const reach = (id: string) => {
    for (const child of children.get(id) ?? []) {
      if (!children.has(child.id) || reached.has(child.id)) continue;
      reached.add(child.id);
      reach(child.id);
    }
  };
  for (const id of children.keys()) reach(id);
  const top = [...children.keys()].filter((id) => !reached.has(id));
  const covered = new Set(top);
  const cover = (id: string) => {
    for (const child of children.get(id) ?? []) {
      if (!children.has(child.id) || covered.has(child.id)) continue;
      covered.add(child.id);
      cover(child.id);
    }
  };
  for (const id of top) cover(id);
  for (const id of children.keys()) {
    if (covered.has(id)) continue;
    top.push(id);
    covered.add(id);
    cover(id);
  }
  return top;
}
