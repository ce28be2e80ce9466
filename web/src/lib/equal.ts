/** Structural equality of plain values: what a snapshot is made of. Functions and class instances compare by identity. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((value, index) => deepEqual(value, b[index]));
  }
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && deepEqual(a[key], b[key]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/**
 * Gives back the previous object wherever a freshly computed one says the same, so that memoised views of unchanged
 * items do not render again.
 */
export function reuseUnchanged<T extends { key: string }>(previous: readonly T[], next: readonly T[]): readonly T[] {
  const byKey = new Map(previous.map((item) => [item.key, item]));
  let same = previous.length === next.length;
  const merged = next.map((item, index) => {
    const old = byKey.get(item.key);
    const kept = old !== undefined && deepEqual(old, item) ? old : item;
    same &&= kept === previous[index];
    return kept;
  });
  return same ? previous : merged;
}
