/**
 * How an encrypted file is named among the plain values of `types.ts`: a content URI whose fragment holds what decrypts
 * it. Views and caches treat it like any other content URI; the server is asked for the part before the fragment only.
 */
import type { Mxc } from "../types.ts";

/** A file as an event describes it (spec: "Sending encrypted attachments"). */
export interface EncryptedFile {
  v: "v2";
  url: Mxc;
  key: { alg: "A256CTR"; ext: true; k: string; key_ops: ("encrypt" | "decrypt")[]; kty: "oct" };
  iv: string;
  hashes: { sha256: string };
}

export interface EncryptedMedia {
  file: EncryptedFile;
  mimetype?: string;
  /** A smaller picture; the server cannot make one of what it cannot read. */
  thumbnail?: EncryptedFile;
}

export function isEncryptedFile(value: unknown): value is EncryptedFile {
  if (typeof value !== "object" || value === null) return false;
  const { url, key, iv, hashes } = value as Partial<Record<keyof EncryptedFile, unknown>>;
  return (
    isMxc(url) &&
    typeof iv === "string" &&
    typeof (key as { k?: unknown } | null | undefined)?.k === "string" &&
    typeof (hashes as { sha256?: unknown } | null | undefined)?.sha256 === "string"
  );
}

export function encryptedMxc(media: EncryptedMedia): Mxc {
  return `${media.file.url}#${encodeURIComponent(JSON.stringify(media))}`;
}

/** What a content URI of {@link encryptedMxc} says; nothing for that of a plain file. */
export function readEncryptedMxc(mxc: Mxc): EncryptedMedia | undefined {
  const at = mxc.indexOf("#");
  if (at < 0) return undefined;
  try {
    const media = JSON.parse(decodeURIComponent(mxc.slice(at + 1))) as EncryptedMedia;
    return isEncryptedFile(media.file) ? media : undefined;
  } catch {
    return undefined;
  }
}

function isMxc(value: unknown): value is Mxc {
  return typeof value === "string" && /^mxc:\/\/[^/#?]+\/[\w-]+$/.test(value);
}
