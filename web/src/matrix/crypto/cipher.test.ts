import { createDecipheriv, createHash } from "node:crypto";
import { expect, test } from "vitest";
import { counterAt, decrypt, encrypt } from "./cipher.ts";

/** Two pieces, the second of which is no multiple of a block. */
const LARGE = 4 * 1024 * 1024 + 37;

function sample(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

async function bytesOf(blob: Blob | undefined): Promise<Buffer> {
  return Buffer.from(await (blob ?? new Blob()).arrayBuffer());
}

test.each([0, 1, 16, LARGE])(
  "%d bytes come back, and another implementation reads them",
  async (length) => {
    const plain = sample(length);
    const { blob, k, iv, sha256 } = await encrypt(new Blob([plain]));
    const encrypted = await bytesOf(blob);
    expect(createHash("sha256").update(encrypted).digest("base64").replace(/=+$/, "")).toBe(sha256);
    const other = createDecipheriv("aes-256-ctr", Buffer.from(k, "base64url"), Buffer.from(iv, "base64"));
    expect(Buffer.compare(Buffer.concat([other.update(encrypted), other.final()]), plain)).toBe(0);
    expect(Buffer.compare(await bytesOf(await decrypt(blob, { k, iv }, sha256)), plain)).toBe(0);
  },
  30_000,
);

test("a changed file is not handed out", async () => {
  const { blob, k, iv, sha256 } = await encrypt(new Blob([sample(100)]));
  const changed = await bytesOf(blob);
  changed[50] = (changed[50] ?? 0) ^ 1;
  expect(await decrypt(new Blob([new Uint8Array(changed)]), { k, iv }, sha256)).toBeUndefined();
});

test("the counter carries over, and wraps as the specification of AES-CTR with 64 bits has it", () => {
  const iv = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 255]);
  expect([...counterAt(iv, 16)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 1, 0]);
  const last = new Uint8Array(16).fill(255);
  expect([...counterAt(last, 16).slice(8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});
