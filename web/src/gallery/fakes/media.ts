/** Pictures that are drawn on the spot: landscapes, faces and marks, different for every name. */
import { MatrixHttpError } from "../../matrix/errors.ts";
import type { Media } from "../../matrix/media.ts";
import { type Calls, fake, never } from "./fake.ts";

function number(name: string): number {
  let value = 7;
  for (const char of name) value = (value * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return value;
}

function drawing(name: string): string {
  const seed = number(name);
  const hue = seed % 360;
  const sky = `hsl(${hue} 60% 78%)`;
  const ground = `hsl(${(hue + 120) % 360} 35% 42%)`;
  const hill = `hsl(${(hue + 90) % 360} 30% 58%)`;
  const face = name.startsWith("face");
  const shapes = face
    ? `<circle cx="60" cy="48" r="24" fill="${ground}"/><path d="M12 120a48 44 0 0 1 96 0z" fill="${hill}"/>`
    : `<circle cx="${30 + (seed % 60)}" cy="30" r="12" fill="#fff"/><path d="M-10 90 45 ${45 + (seed % 20)} 130 96v40H-10z" fill="${hill}"/><path d="M-10 104 60 78 130 100v40H-10z" fill="${ground}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 120" width="600" height="600" preserveAspectRatio="xMidYMid slice"><rect width="120" height="120" fill="${sky}"/>${shapes}</svg>`;
}

/** A second of silence. */
function silence(): Blob {
  const rate = 8000;
  const view = new DataView(new ArrayBuffer(44 + rate));
  const words = (at: number, text: string) =>
    [...text].forEach((char, index) => view.setUint8(at + index, char.charCodeAt(0)));
  words(0, "RIFF");
  view.setUint32(4, 36 + rate, true);
  words(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  words(36, "data");
  view.setUint32(40, rate, true);
  for (let at = 44; at < 44 + rate; at++) view.setUint8(at, 128);
  return new Blob([view], { type: "audio/wav" });
}

const urls = new Map<string, string>();

/** Content URIs that begin with `slow` never arrive, those with `broken` cannot be had, those with `gone` never again. */
export function fakeMedia(calls: Calls): Media {
  return fake<Media>("media", calls, {
    downloadKey: (mxc) => mxc,
    thumbnailKey: (mxc) => mxc,
    acquire: (key) => {
      const name = key.replace("mxc://gallery/", "");
      if (name.startsWith("slow")) return never();
      if (name.startsWith("gone")) return Promise.reject(new MatrixHttpError(404, "M_NOT_FOUND", undefined, {}));
      if (name.startsWith("broken")) return Promise.reject(new TypeError("Failed to fetch"));
      let url = urls.get(name);
      if (url === undefined) {
        const blob =
          name === "voice" || name === "sound" ? silence() : new Blob([drawing(name)], { type: "image/svg+xml" });
        url = URL.createObjectURL(blob);
        urls.set(name, url);
      }
      return Promise.resolve(url);
    },
  });
}
