import { expect, test } from "vitest";
import { type Entries, mergeEntries, readEntries, withEntry, withoutOld, withoutParts } from "./entries.ts";

const text = (_key: string, value: unknown) => (typeof value === "string" ? value : undefined);

test("devices that change different entries keep both, in whatever order they hear of it", () => {
  const start: Entries<string> = withEntry({}, "a", "one", 10);
  const phone = withEntry(start, "a", "two", 20);
  const laptop = withEntry(start, "b", "three", 15);
  const merged = { a: { at: 20, value: "two" }, b: { at: 15, value: "three" } };
  expect(mergeEntries(phone, laptop)).toEqual(merged);
  expect(mergeEntries(laptop, phone)).toEqual(merged);
  expect(mergeEntries(merged, phone)).toEqual(merged);
});

test("changes of the same moment end alike everywhere", () => {
  const a: Entries<string> = { k: { at: 5, value: "x" } };
  const b: Entries<string> = { k: { at: 5, value: "y" } };
  const gone: Entries<string> = { k: { at: 5 } };
  expect(mergeEntries(a, b)).toEqual(mergeEntries(b, a));
  expect(mergeEntries(a, gone)).toEqual(mergeEntries(gone, a));
});

test("a removed entry stays removed against an older copy, and is forgotten in the end", () => {
  const removed = withEntry(withEntry({}, "a", "one", 10), "a", undefined, 20);
  expect(mergeEntries(removed, { a: { at: 10, value: "one" } })).toEqual({ a: { at: 20 } });
  expect(withoutOld(removed, 30)).toEqual(removed);
  expect(withoutOld(removed, 20 + 181 * 86_400_000)).toEqual({});
});

test("a change by a clock that runs slow replaces what was there", () => {
  expect(withEntry({ a: { at: 100, value: "old" } }, "a", "new", 50)).toEqual({ a: { at: 101, value: "new" } });
});

test("a time that has not come yet holds nothing up: the next change is newer", () => {
  const now = 1_000_000_000;
  const soon = now + 60_000;
  const stored = JSON.parse(
    `{"a":{"at":1e300,"value":"x"},"b":{"at":1e400,"value":"x"},"c":{"at":${now + 3_600_000},"value":"x"},"d":{"at":${soon},"value":"x"},"e":{"at":1.5,"value":"x"},"f":{"at":-1e300,"value":"x"}}`,
  );
  const read = readEntries(stored, text, now);
  expect(Object.entries(read).map(([key, { at }]) => [key, at])).toEqual([
    ["a", now],
    ["b", now],
    ["c", now],
    ["d", soon],
  ]);
  for (const key of Object.keys(read)) {
    const changed = withEntry(read, key, "y", now);
    expect(changed[key]?.at).toBeGreaterThan(read[key]?.at ?? 0);
    expect(mergeEntries(changed, read)[key]?.value).toBe("y");
    expect(mergeEntries(read, changed)[key]?.value).toBe("y");
    // It still is when the same is read again later, by a device that knows when it was changed.
    expect(mergeEntries(readEntries(stored, text, now + 9, now - 1), changed)[key]?.value).toBe("y");
  }
});

test("what makes no sense is not read", () => {
  const stored = JSON.parse(
    '{"a":{"at":1,"value":"x"},"b":{"value":"x"},"c":7,"d":{"at":1,"value":7},"e":{"at":2},"__proto__":{"at":1,"value":"x"}}',
  );
  expect(readEntries(stored, text)).toEqual({ a: { at: 1, value: "x" }, e: { at: 2 } });
  expect(readEntries([], text)).toEqual({});
  expect(readEntries("x", text)).toEqual({});
});

type Note = { remark?: string; star?: true };
const join = (older: Note, newer: Note) => ({ ...older, ...newer });
const merged = (a: Entries<Note>, b: Entries<Note>) => mergeEntries(a, b, join);

test("a change that was made without sight of what there was takes nothing away, older or newer", () => {
  const known: Entries<Note> = { k: { at: 10, value: { remark: "Bo" } } };
  const starred = withEntry<Note>({}, "k", { star: true }, 20, true);
  expect(starred).toEqual({ k: { at: 20, value: { star: true }, part: true } });
  const both = { k: { at: 21, value: { remark: "Bo", star: true } } };
  expect(merged(known, starred)).toEqual(both);
  expect(merged(starred, known)).toEqual(both);

  const earlier: Entries<Note> = { k: { at: 5, value: { remark: "B", star: true }, part: true } };
  expect(merged(known, earlier)).toEqual({ k: { at: 11, value: { remark: "Bo", star: true } } });
});

test("hearing of such a change again changes nothing, and what was taken out of it does not come back", () => {
  const starred: Entries<Note> = { k: { at: 20, value: { star: true }, part: true } };
  const named = withEntry(starred, "k", { remark: "Bo" }, 30);
  expect(merged(starred, named)).toEqual(named);
  expect(merged(named, starred)).toEqual({ k: { at: 30, value: { remark: "Bo" }, part: true } });
  const known: Entries<Note> = { k: { at: 10, value: { remark: "B", star: true } } };
  const all = merged(named, known);
  expect(all).toEqual({ k: { at: 31, value: { remark: "Bo", star: true } } });
  for (const again of [starred, named, known, all]) expect(merged(all, again)).toEqual(all);
});

test("a removal and a change without sight of each other: the newer one counts", () => {
  const gone: Entries<Note> = { k: { at: 10 } };
  expect(merged(gone, { k: { at: 5, value: { star: true }, part: true } })).toEqual(gone);
  const starred: Entries<Note> = { k: { at: 20, value: { star: true }, part: true } };
  expect(merged(gone, starred)).toEqual(starred);
  expect(withoutParts(starred)).toEqual({ k: { at: 20, value: { star: true } } });
});

test("a part is read as one, and stays one when it is changed", () => {
  const stored = { k: { at: 1, value: "x", part: true }, l: { at: 1, value: "y", part: "yes" } };
  const read = readEntries(stored, text);
  expect(read).toEqual({ k: { at: 1, value: "x", part: true }, l: { at: 1, value: "y" } });
  expect(withEntry(read, "k", "z", 5)).toMatchObject({ k: { at: 5, value: "z", part: true } });
  expect(withEntry(read, "l", "z", 5, true)).toMatchObject({ l: { at: 5, value: "z" } });
});
