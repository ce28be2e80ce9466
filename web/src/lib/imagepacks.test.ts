import { expect, test } from "vitest";
import { packContent, readPack, readPackRooms, searchPacks, shortcodeFor, withPackRoom } from "./imagepacks.ts";

const content = {
  images: {
    cat_wave: { url: "mxc://example.org/abc123", body: "a waving cat", info: { w: 512 } },
    nap: { url: "mxc://example.org/def456" },
    bad: { url: "https://example.org/tracker.png" },
  },
  pack: { display_name: "Cats", usage: ["emoticon"], "org.example": 1 },
};

test("a pack is read, and what is no content URI is not", () => {
  expect(readPack(content, "Room")).toEqual({
    name: "Cats",
    uses: ["emoticon"],
    images: [
      { code: "cat_wave", mxc: "mxc://example.org/abc123", name: "a waving cat", info: { w: 512 }, uses: ["emoticon"] },
      { code: "nap", mxc: "mxc://example.org/def456", name: "nap", info: {}, uses: ["emoticon"] },
    ],
  });
  expect(readPack({}, "Room")).toBeUndefined();
  expect(readPack({ images: {} }, "Room")).toMatchObject({ name: "Room", uses: ["emoticon", "sticker"] });
});

test("an edited pack keeps what is not understood here", () => {
  const edited = packContent(content, { name: "Dogs", attribution: "", uses: ["emoticon", "sticker"] }, [
    { code: "wave", mxc: "mxc://example.org/abc123", name: "a waving cat", info: { w: 512 } },
  ]);
  expect(edited).toEqual({
    pack: { display_name: "Dogs", "org.example": 1 },
    images: { wave: { url: "mxc://example.org/abc123", body: "a waving cat", info: { w: 512 } } },
  });
});

test("packs used everywhere come and go, and properties unknown here stay", () => {
  const before = { rooms: { "!a": { "": { note: 1 } } }, other: true };
  const more = withPackRoom(before, { roomId: "!a", key: "cats" }, true);
  expect(readPackRooms(more)).toEqual([
    { roomId: "!a", key: "" },
    { roomId: "!a", key: "cats" },
  ]);
  expect(withPackRoom(more, { roomId: "!a", key: "cats" }, false)).toEqual(before);
  expect(withPackRoom(before, { roomId: "!a", key: "" }, false)).toEqual({ rooms: {}, other: true });
});

test.each([
  ["Cat Wave.PNG", "cat_wave"],
  ["été.png", "ete"],
  ["猫.png", "picture"],
  ["nap.png", "nap_2"],
])("the short code of %s", (name, code) => {
  expect(shortcodeFor(name, new Set(["nap"]))).toBe(code);
});

test("pictures are found by code and by words, for their use", () => {
  const read = readPack(content, "Room");
  const pack = { id: "1", everywhere: false, editable: false, ...read } as never;
  const codes = (term: string, use: "emoticon" | "sticker" = "emoticon") =>
    searchPacks([pack], use, term, 9).map(({ image }) => image.code);
  expect(codes("nap")).toEqual(["nap"]);
  expect(codes("waving")).toEqual(["cat_wave"]);
  expect(codes("ca")).toEqual(["cat_wave"]);
  expect(codes("nap", "sticker")).toEqual([]);
});
