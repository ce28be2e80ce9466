/** Files of encrypted conversations: encrypted before they are uploaded, decrypted and checked after the download. */
import { ProblemError } from "../errors.ts";
import type { Encrypted } from "./cipher.ts";
import type { Answer, Task } from "./cipher.worker.ts";
import { startWorker } from "../workers.ts";
import type { EncryptedFile } from "./reference.ts";

/** What is uploaded, and what the event says about it once the upload has an address. */
export interface EncryptedAttachment {
  blob: Blob;
  file: Omit<EncryptedFile, "url">;
}

export async function encryptAttachment(blob: Blob): Promise<EncryptedAttachment> {
  const { blob: encrypted, k, iv, sha256 } = await inWorker<Encrypted>((id) => ({ id, encrypt: blob }));
  const key = { alg: "A256CTR", ext: true, k, key_ops: ["encrypt", "decrypt"], kty: "oct" } as const;
  return { blob: encrypted, file: { v: "v2", key: { ...key, key_ops: [...key.key_ops] }, iv, hashes: { sha256 } } };
}

/** Throws when the file is not the one that was sent. */
export async function decryptAttachment(file: EncryptedFile, blob: Blob): Promise<Blob> {
  const { key, iv, hashes } = file;
  const plain = await inWorker<Blob | undefined>((id) => ({
    id,
    decrypt: blob,
    secret: { k: key.k, iv },
    sha256: hashes.sha256,
  })).catch(() => undefined);
  if (plain === undefined) throw new ProblemError({ kind: "damaged-file" });
  return plain;
}

/** For files that wait on the disk until they are sent. */
export const outboxFiles = {
  async encrypt(plain: Blob): Promise<{ blob: Blob; keys: EncryptedAttachment["file"] }> {
    const { blob, file } = await encryptAttachment(plain);
    return { blob, keys: file };
  },
  decrypt(keys: EncryptedAttachment["file"], blob: Blob): Promise<Blob> {
    return decryptAttachment({ ...keys, url: "" }, blob);
  },
};

/** The longest side of a thumbnail: what the timeline shows. */
const THUMBNAIL = { width: 800, height: 600 };
/** A picture of fewer bytes that stands still is shown as it is. */
const SMALL_PICTURE = 200_000;

export interface Thumbnail {
  blob: Blob;
  width: number;
  height: number;
}

/** A smaller, still copy of a picture, which the server cannot make of what it cannot read. None where none is needed. */
export async function makeThumbnail(picture: Blob, animated: boolean): Promise<Thumbnail | undefined> {
  if (picture.size < SMALL_PICTURE && !animated) return undefined;
  try {
    const bitmap = await createImageBitmap(picture);
    const scale = Math.min(1, THUMBNAIL.width / bitmap.width, THUMBNAIL.height / bitmap.height);
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    if (width === undefined || height === undefined) return undefined;
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, width, height);
    bitmap.close();
    // What may be transparent stays so.
    const type = picture.type === "image/jpeg" ? "image/jpeg" : "image/webp";
    const blob = await canvas.convertToBlob({ type, quality: 0.8 });
    return blob.size < picture.size ? { blob, width, height } : undefined;
  } catch {
    return undefined;
  }
}

const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
let worker: Worker | undefined;
let lastId = 0;

function startCipher(): Worker {
  const started = startWorker("cipher");
  started.addEventListener("message", ({ data: { id, value, error } }: MessageEvent<Answer>) => {
    const task = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) task?.resolve(value);
    else task?.reject(new Error(error));
  });
  started.addEventListener("error", () => {
    for (const { reject } of waiting.values()) reject(new Error("the worker has failed"));
    waiting.clear();
    worker = undefined;
  });
  return started;
}

function inWorker<T>(task: (id: number) => Task): Promise<T> {
  if (!("subtle" in crypto)) throw new ProblemError({ kind: "no-encryption" });
  worker ??= startCipher();
  const id = ++lastId;
  const answer = new Promise<T>((resolve, reject) => {
    waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
  });
  worker.postMessage(task(id));
  return answer;
}
