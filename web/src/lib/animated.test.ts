import { expect, test, vi } from "vitest";
import { animatedPng, animatedWebp, gif, picture, stillWebp } from "../../e2e/files.ts";
import { isAnimated } from "./animated.ts";
import { forAll } from "./hostile.ts";

const MOVING = [gif("a.gif"), animatedPng("a.png"), animatedWebp("a.webp")];
const blob = (...parts: (Uint8Array | string)[]) => new Blob(parts as BlobPart[]);
const bytes = (...values: number[]) => Uint8Array.from(values);

test("a picture with several frames moves, whatever its kind", async () => {
  for (const { buffer } of MOVING) expect(await isAnimated(blob(buffer))).toBe(true);
  expect(await isAnimated(blob(bytes(0, 0, 0, 28), "ftypavis", bytes(0, 0, 0, 0)))).toBe(true);
});

test("a picture of the same kinds with one frame does not", async () => {
  const { buffer } = gif("a.gif");
  const second = buffer.lastIndexOf(bytes(0x21, 0xf9, 4));
  expect(await isAnimated(blob(buffer.subarray(0, second), bytes(0x3b)))).toBe(false);
  // What was cut off inside of its first frame, or says nothing.
  expect(await isAnimated(blob(buffer.subarray(0, second - 20)))).toBe(false);
  expect(await isAnimated(blob("GIF89a"))).toBe(false);
  expect(await isAnimated(blob(picture("a.png").buffer))).toBe(false);
  expect(await isAnimated(blob(stillWebp("a.webp").buffer))).toBe(false);
  expect(await isAnimated(blob(bytes(0, 0, 0, 28), "ftypavif", bytes(0, 0, 0, 0)))).toBe(false);
});

test("the frames of a GIF with tables of their own are found", async () => {
  const frame = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0x81, ...Array<number>(12).fill(0x2c), 2, 1, 0x2c, 0];
  const header = ["GIF87a", bytes(1, 0, 1, 0, 0, 0, 0)] as const;
  expect(await isAnimated(blob(...header, bytes(...frame, 0x3b)))).toBe(false);
  expect(await isAnimated(blob(...header, bytes(...frame, ...frame)))).toBe(true);
});

test("a PNG that says it has one frame stands still", async () => {
  const { buffer } = animatedPng("a.png");
  const one = Buffer.from(buffer);
  one.writeUInt32BE(1, one.indexOf("acTL") + 4);
  expect(await isAnimated(blob(one))).toBe(false);
});

test("nothing is said of other files", async () => {
  for (const file of ["", "GIF", "RIFF0000WAVE", "\xff\xd8\xff", "acTL", "<svg>"])
    expect(await isAnimated(blob(file))).toBeUndefined();
});

test("a picture that takes too long to read is given up", async () => {
  const block = new Uint8Array(256).fill(255);
  const endless = blob("GIF89a", bytes(1, 0, 1, 0, 0, 0, 0, 0x21, 0xfe), ...Array<Uint8Array>(40_000).fill(block));
  expect(await isAnimated(endless)).toBeUndefined();
  const text = Buffer.concat([bytes(0, 0, 0, 0), Buffer.from("tEXt"), bytes(0, 0, 0, 0)]);
  const chunks = blob(bytes(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), ...Array<Uint8Array>(5_000).fill(text));
  const slice = vi.spyOn(chunks, "slice");
  expect(await isAnimated(chunks)).toBeUndefined();
  expect(slice.mock.calls.length).toBeLessThan(200);
});

test("damaged pictures are read to an end", async () => {
  const cases: Promise<unknown>[] = [];
  forAll((hostile) => {
    const damaged = Buffer.from(hostile.pick(MOVING).buffer);
    for (let times = hostile.below(6) + 1; times > 0; times--)
      damaged[hostile.below(damaged.length)] = hostile.below(256);
    cases.push(isAnimated(blob(damaged.subarray(0, hostile.below(damaged.length + 1)))));
  });
  for (const found of await Promise.all(cases)) expect([true, false, undefined]).toContain(found);
});
