/** Files for the tests, made here so that none has to be kept. */
import { deflateSync } from "node:zlib";

/** A PNG with a gradient, 640 × 400 unless told otherwise. */
export function picture(name: string, width = 640, height = 400): { name: string; mimeType: string; buffer: Buffer } {
  const buffer = png(width, height, (x, y) => [
    250 - (y / height) * 120,
    120 + (x / width) * 90,
    90 + (y / height) * 140,
  ]);
  return { name, mimeType: "image/png", buffer };
}

type Colour = (x: number, y: number) => [number, number, number];

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A PNG of the colours that a function says. */
export function png(width: number, height: number, colour: Colour): Buffer {
  const data = chunk("IDAT", pngData(width, height, colour));
  return Buffer.concat([PNG_SIGNATURE, pngHeader(width, height), data, chunk("IEND", Buffer.alloc(0))]);
}

/** A PNG of two frames, each of one colour, that go on for ever. */
export function animatedPng(name: string, width = 48, height = 36): { name: string; mimeType: string; buffer: Buffer } {
  const numbers = (...values: number[]) => Buffer.concat(values.map((value) => uint(value, 4, "BE")));
  const control = (sequence: number) =>
    chunk("fcTL", Buffer.concat([numbers(sequence, width, height, 0, 0), Buffer.from([0, 30, 0, 100, 0, 0])]));
  const buffer = Buffer.concat([
    PNG_SIGNATURE,
    pngHeader(width, height),
    chunk("acTL", numbers(2, 0)),
    control(0),
    chunk(
      "IDAT",
      pngData(width, height, () => [255, 90, 60]),
    ),
    control(1),
    chunk("fdAT", Buffer.concat([numbers(2), pngData(width, height, () => [60, 120, 255])])),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return { name, mimeType: "image/png", buffer };
}

function pngData(width: number, height: number, colour: Colour): Buffer {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      raw.set(colour(x, y).map(Math.floor), y * (width * 3 + 1) + 1 + x * 3);
    }
  }
  return deflateSync(raw);
}

function pngHeader(width: number, height: number): Buffer {
  return chunk("IHDR", Buffer.concat([uint(width, 4, "BE"), uint(height, 4, "BE"), Buffer.from([8, 2, 0, 0, 0])]));
}

function uint(value: number, length: number, order: "BE" | "LE"): Buffer {
  const bytes = Buffer.alloc(length);
  if (order === "BE") bytes.writeUIntBE(value, 0, length);
  else bytes.writeUIntLE(value, 0, length);
  return bytes;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A GIF of two frames, each of one colour, that go on for ever. */
export function gif(name: string, width = 48, height = 36): { name: string; mimeType: string; buffer: Buffer } {
  const size = [width & 255, width >> 8, height & 255, height >> 8];
  const colours = [255, 90, 60, 60, 120, 255, 0, 0, 0, 0, 0, 0];
  const forEver = [0x21, 0xff, 11, ...Buffer.from("NETSCAPE2.0"), 3, 1, 0, 0, 0];
  const frame = (colour: number) => {
    // Codes of three bits; the table is cleared before it needs a fourth.
    const codes = Array.from({ length: Math.ceil((width * height) / 2) }, () => [4, colour, colour]).flat();
    const bits = [...codes, 5].map((code) => code.toString(2).padStart(3, "0").split("").reverse().join("")).join("");
    const bytes = (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt([...byte].reverse().join(""), 2));
    const blocks: number[] = [];
    for (let at = 0; at < bytes.length; at += 255) {
      const block = bytes.slice(at, at + 255);
      blocks.push(block.length, ...block);
    }
    const wait = [0x21, 0xf9, 4, 0, 30, 0, 0, 0];
    return [...wait, 0x2c, 0, 0, 0, 0, ...size, 0, 2, ...blocks, 0];
  };
  const header = [...Buffer.from("GIF89a"), ...size, 0b1001_0001, 0, 0, ...colours];
  return {
    name,
    mimeType: "image/gif",
    buffer: Buffer.from([...header, ...forEver, ...frame(0), ...frame(1), 0x3b]),
  };
}

/** 48 × 36 pixels of one colour each, as a browser writes them without loss. */
const WEBP_FRAMES = ["2f2fc008000750adc297a7ff8188e87f00", "2f2fc008000750bcf214beff8188e87f00"].map((data) =>
  riff("VP8L", Buffer.from(data, "hex")),
);

/** A WebP of one colour, 48 × 36. */
export function stillWebp(name: string): { name: string; mimeType: string; buffer: Buffer } {
  return { name, mimeType: "image/webp", buffer: webp(WEBP_FRAMES.slice(0, 1)) };
}

/** A WebP of two frames, each of one colour, that go on for ever, 48 × 36. */
export function animatedWebp(name: string): { name: string; mimeType: string; buffer: Buffer } {
  const [width, height] = [uint(47, 3, "LE"), uint(35, 3, "LE")];
  const header = riff("VP8X", Buffer.concat([Buffer.from([2, 0, 0, 0]), width, height]));
  const frames = WEBP_FRAMES.map((frame) => {
    const place = [Buffer.alloc(6), width, height, uint(300, 3, "LE"), Buffer.from([0])];
    return riff("ANMF", Buffer.concat([...place, frame]));
  });
  return { name, mimeType: "image/webp", buffer: webp([header, riff("ANIM", Buffer.alloc(6)), ...frames]) };
}

function webp(chunks: readonly Buffer[]): Buffer {
  return riff("RIFF", Buffer.concat([Buffer.from("WEBP"), ...chunks]));
}

function riff(type: string, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), uint(data.length, 4, "LE"), data, Buffer.alloc(data.length % 2)]);
}
