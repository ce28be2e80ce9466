import { expect, test } from "vitest";
import type { MediaSource, MessageBody } from "../matrix/types.ts";
import { gifContent, gifOf, moves, readGif, searchGifs } from "./gifs.ts";

const MXC = "mxc://example.org/abc123";
const image = (media: Partial<MediaSource> = {}, caption?: string): MessageBody => ({
  kind: "image",
  media: { mxc: MXC, name: "dance.gif", mimetype: "image/gif", size: 4096, width: 320, height: 240, ...media },
  caption,
});

test("a GIF moves, other pictures where their sender says so", () => {
  expect(moves({ mimetype: "image/gif" })).toBe(true);
  expect(moves({ mimetype: "image/webp" })).toBe(false);
  for (const kind of ["webp", "avif", "apng", "png"])
    expect(moves({ mimetype: `image/${kind}`, animated: true })).toBe(true);
  expect(moves({ mimetype: "image/svg+xml", animated: true })).toBe(false);
  expect(moves({ mimetype: "image/gif", animated: false })).toBe(false);
  expect(moves({})).toBe(false);
});

test("what is kept of a message is called by its caption, or else by its file", () => {
  expect(gifOf(image())).toEqual({
    mxc: MXC,
    name: "dance.gif",
    mimetype: "image/gif",
    size: 4096,
    width: 320,
    height: 240,
  });
  expect(gifOf(image({}, "Hooray"))?.name).toBe("Hooray");
  expect(gifOf(image({ mimetype: "image/jpeg" }))).toBeUndefined();
  expect(gifOf({ kind: "text", style: "text", text: "dance.gif" })).toBeUndefined();
});

test("nothing is kept of an encrypted file, whose key would lie in the account data", () => {
  const file = encodeURIComponent(JSON.stringify({ file: { key: { k: "secret" } } }));
  expect(gifOf(image({ mxc: `${MXC}#${file}` }))).toBeUndefined();
  expect(readGif(MXC, { mimetype: "image/gif", file: { key: { k: "secret" } } })).toEqual({
    name: "",
    mimetype: "image/gif",
  });
  expect(gifOf(image({ poster: `${MXC}#${file}` }))).not.toHaveProperty("thumbnail");
});

test("what another client has written is read with care", () => {
  const read = (value: unknown, mxc = MXC) => readGif(mxc, value);
  const gif = { mimetype: "image/gif" };
  for (const value of [undefined, null, 1, "x", [], {}, { mimetype: 1 }, { mimetype: "text/html" }])
    expect(read(value)).toBeUndefined();
  for (const mxc of ["https://example.org/a.gif", "mxc://a", "mxc://a/b/c", "mxc://a/b?c", "mxc://a b/c", `${MXC}/..`])
    expect(read(gif, mxc)).toBeUndefined();
  expect(read({ ...gif, width: -1, height: 2, size: "9", blurhash: "<b>", thumbnail: "https://x.org/a" })).toEqual({
    name: "",
    mimetype: "image/gif",
  });
  expect(read({ ...gif, width: 3, height: Number.POSITIVE_INFINITY })).not.toHaveProperty("width");
  expect(read({ ...gif, name: "a\u202eb\n c\u0000" })?.name).toBe("ab c");
  const long = read({ ...gif, name: "🕺".repeat(5000) })?.name;
  expect(long).toBe("🕺".repeat(100));
  // It is read as it was written.
  const whole = {
    name: "dance",
    mimetype: "image/webp",
    width: 3,
    height: 2,
    size: 9,
    blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
    thumbnail: "mxc://example.org/still",
  };
  expect(read(whole)).toEqual(whole);
});

test("one is sent with all that is known of it, and nothing else", () => {
  expect(
    gifContent({
      mxc: MXC,
      name: "dance",
      mimetype: "image/webp",
      width: 3,
      height: 2,
      size: 9,
      blurhash: "LEHV6nWB2yk8",
      thumbnail: "mxc://example.org/still",
    }),
  ).toEqual({
    msgtype: "m.image",
    body: "dance",
    url: MXC,
    info: {
      mimetype: "image/webp",
      w: 3,
      h: 2,
      size: 9,
      is_animated: true,
      "xyz.amorgan.blurhash": "LEHV6nWB2yk8",
      thumbnail_url: "mxc://example.org/still",
    },
    "m.mentions": {},
  });
  expect(gifContent({ mxc: MXC, name: "", mimetype: "image/gif" })).toMatchObject({
    body: "GIF",
    info: { mimetype: "image/gif", is_animated: true },
  });
});

test("names are searched for words in any order", () => {
  const gifs = ["Happy dance", "Dancing cat", "鼓掌"].map((name) => ({ mxc: name, name, mimetype: "image/gif" }));
  const found = (term: string) => searchGifs(gifs, term).map(({ name }) => name);
  expect(found(" DAN  happy ")).toEqual(["Happy dance"]);
  expect(found("dáncing ＣＡＴ")).toEqual(["Dancing cat"]);
  expect(found("鼓")).toEqual(["鼓掌"]);
  expect(found("  ")).toHaveLength(3);
});
