/** Whether a picture moves, by its own bytes: its kind does not say, and its name may say anything. */

/** So much of a GIF is read to find its second frame, in bytes. */
const GIF_BYTES = 4_000_000;
/** So many chunks of a PNG may stand before its picture. */
const PNG_CHUNKS = 100;

/** Nothing for other kinds of files, and where it would take too long to find out. */
export async function isAnimated(file: Blob): Promise<boolean | undefined> {
  const head = await read(file, 0, 24);
  const text = String.fromCharCode(...head);
  if (/^GIF8[79]a/.test(text)) return hasSecondFrame(await read(file, 0, GIF_BYTES));
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return hasAnimationControl(file);
  // The flags of its extended format, of which the second is for animation (RFC 9649).
  if (/^RIFF.{4}WEBP/s.test(text)) return text.startsWith("VP8X", 12) && ((head[20] ?? 0) & 2) !== 0;
  if (text.startsWith("ftypavi", 4)) return text[11] === "s";
  return undefined;
}

async function read(file: Blob, from: number, length: number): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(from, from + length).arrayBuffer());
}

function hasSecondFrame(data: Uint8Array): boolean | undefined {
  let frames = 0;
  for (let at = 13 + colourTable(data[10]); at < data.length; at++) {
    if (data[at] === 0x2c) {
      if (++frames > 1) return true;
      at += 11 + colourTable(data[at + 9]);
    } else if (data[at] === 0x21) at += 2;
    else return false;
    // Blocks of data, each after its length; one of none ends them.
    for (let length = data[at] ?? 0; length > 0; length = data[at] ?? 0) at += length + 1;
  }
  return data.length < GIF_BYTES ? false : undefined;
}

/** The size of a table of colours, by the flags that stand before it. */
function colourTable(flags = 0): number {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

/** A PNG that moves says how many frames it has in a chunk before its picture. */
async function hasAnimationControl(file: Blob): Promise<boolean | undefined> {
  for (let at = 8, chunks = 0; chunks < PNG_CHUNKS; chunks++) {
    const chunk = await read(file, at, 12);
    if (chunk.length < 12) return false;
    const view = new DataView(chunk.buffer);
    const type = String.fromCharCode(...chunk.subarray(4, 8));
    if (type === "acTL") return view.getUint32(8) > 1;
    if (type === "IDAT") return false;
    at += 12 + view.getUint32(0);
  }
  return undefined;
}
