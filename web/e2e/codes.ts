/** Codes as pictures and as the film of a camera, for the tests of scanning. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import decodeQR from "qr/decode.js";
import { png } from "./files.ts";

const SCALE = 8;

/** A PNG of a code. */
export function codePicture(code: boolean[][]): { name: string; mimeType: string; buffer: Buffer } {
  const side = code.length * SCALE;
  const dark = (x: number, y: number) => code[Math.floor(y / SCALE)]?.[Math.floor(x / SCALE)] === true;
  const buffer = png(side, side, (x, y) => (dark(x, y) ? [0, 0, 0] : [255, 255, 255]));
  return { name: "code.png", mimeType: "image/png", buffer };
}

/** A film (Y4M) of a code that Chromium takes for its camera; the path of the file. */
export function codeVideo(code: boolean[][]): string {
  const [width, height] = [640, 480];
  const scale = Math.floor((height - 40) / code.length);
  const [left, top] = [(width - code.length * scale) >> 1, (height - code.length * scale) >> 1];
  const luma = Buffer.alloc(width * height, 235);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (code[Math.floor((y - top) / scale)]?.[Math.floor((x - left) / scale)] === true) luma[y * width + x] = 16;
    }
  }
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, Buffer.alloc((width * height) / 2, 128)]);
  const path = join(mkdtempSync(join(tmpdir(), "im2-code-")), "code.y4m");
  writeFileSync(
    path,
    Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]),
  );
  return path;
}

/** The squares of the code that a page shows. */
export async function codeOn(page: Page): Promise<boolean[][]> {
  const image = page.locator(".verification-code svg");
  await expect(image).toBeVisible({ timeout: 30_000 });
  const size = Number((await image.getAttribute("viewBox"))?.split(" ")[2]);
  const path = (await image.locator("path").getAttribute("d")) ?? "";
  const dark = new Set([...path.matchAll(/M(\d+) (\d+)/g)].map(([, x, y]) => `${x} ${y}`));
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => dark.has(`${x} ${y}`)));
}

/** The bytes of a code, as another client reads them. */
export function bytesOf(code: boolean[][]): Uint8ClampedArray {
  const side = code.length * SCALE;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (code[Math.floor(y / SCALE)]?.[Math.floor(x / SCALE)])
        data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  const textDecoder = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
  return Uint8ClampedArray.from(Buffer.from(decodeQR({ width: side, height: side, data }, { textDecoder }), "latin1"));
}

/** Holds a code before the camera of a page, from now on. The page reads the frames of a real stream. */
export async function holdBeforeCamera(page: Page, code: boolean[][]): Promise<void> {
  await page.evaluate((rows) => {
    const scene = globalThis as { held?: boolean[][]; filming?: boolean };
    scene.held = rows;
    if (scene.filming) return;
    scene.filming = true;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [640, 480];
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    setInterval(() => {
      const held = scene.held ?? [];
      const scale = Math.floor(440 / held.length);
      context.fillStyle = "#ddd";
      context.fillRect(0, 0, 640, 480);
      context.fillStyle = "#fff";
      context.fillRect(90, 10, held.length * scale + 20, held.length * scale + 20);
      context.fillStyle = "#111";
      held.forEach((row, y) => {
        row.forEach((dark, x) => {
          if (dark) context.fillRect(100 + x * scale, 20 + y * scale, scale, scale);
        });
      });
    }, 100);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(10);
  }, code);
}
