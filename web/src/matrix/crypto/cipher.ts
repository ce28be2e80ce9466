/**
 * The encryption of attachments (spec: "Sending encrypted attachments"): AES-CTR with a key of the file's own, and a
 * SHA-256 hash over what is stored on the server. A file goes through in pieces, so that memory stays bounded however
 * large it is; the browser may keep the pieces on disk. Runs in a worker, see `attachments.ts`.
 */
import { sha256 } from "@noble/hashes/sha2.js";

/** A multiple of the block length of AES. */
const PIECE = 4 * 1024 * 1024;
const BLOCK = 16;

export interface Secret {
  /** The key, base64url without padding, as a JSON Web Key has it. */
  k: string;
  /** The first counter block, base64 without padding. */
  iv: string;
}

export interface Encrypted extends Secret {
  blob: Blob;
  /** Base64 without padding. */
  sha256: string;
}

export async function encrypt(plain: Blob): Promise<Encrypted> {
  const key = await crypto.subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt"]);
  const { k = "" } = await crypto.subtle.exportKey("jwk", key);
  // The upper half is random, the lower half counts from zero: it cannot overflow.
  const iv = new Uint8Array(BLOCK);
  crypto.getRandomValues(iv.subarray(0, 8));
  const hash = sha256.create();
  const pieces: Blob[] = [];
  for (let at = 0; at < plain.size; at += PIECE) {
    const piece = await plain.slice(at, at + PIECE).arrayBuffer();
    const done = await crypto.subtle.encrypt({ name: "AES-CTR", counter: counterAt(iv, at), length: 64 }, key, piece);
    hash.update(new Uint8Array(done));
    pieces.push(new Blob([done]));
  }
  return { blob: new Blob(pieces), k, iv: toBase64(iv), sha256: toBase64(hash.digest()) };
}

/** Nothing if the file is not the one that was sent. */
export async function decrypt(encrypted: Blob, secret: Secret, expected: string): Promise<Blob | undefined> {
  const jwk = { kty: "oct", alg: "A256CTR", ext: true, k: secret.k, key_ops: ["decrypt"] };
  const key = await crypto.subtle.importKey("jwk", jwk, "AES-CTR", false, ["decrypt"]);
  const iv = fromBase64(secret.iv);
  const hash = sha256.create();
  const pieces: Blob[] = [];
  for (let at = 0; at < encrypted.size; at += PIECE) {
    const piece = await encrypted.slice(at, at + PIECE).arrayBuffer();
    hash.update(new Uint8Array(piece));
    const done = await crypto.subtle.decrypt({ name: "AES-CTR", counter: counterAt(iv, at), length: 64 }, key, piece);
    pieces.push(new Blob([done]));
  }
  return toBase64(hash.digest()) === expected.replace(/=+$/, "") ? new Blob(pieces) : undefined;
}

/** The counter block for the byte at a position: the lower 64 bits count blocks. */
export function counterAt(iv: Uint8Array, position: number): Uint8Array<ArrayBuffer> {
  const counter = new Uint8Array(iv);
  const view = new DataView(counter.buffer);
  view.setBigUint64(8, BigInt.asUintN(64, view.getBigUint64(8) + BigInt(position / BLOCK)));
  return counter;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  if (bytes.length !== BLOCK) throw new Error("the counter block has another length");
  return bytes;
}
