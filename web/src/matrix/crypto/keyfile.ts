/** Files with keys of messages, encrypted with a passphrase (spec: "Key exports"). */
import { ProblemError } from "../errors.ts";

const HEAD = "-----BEGIN MEGOLM SESSION DATA-----";
const TAIL = "-----END MEGOLM SESSION DATA-----";
const VERSION = 1;
const ROUNDS = 500_000;
/** A file that asks for more would only keep the browser busy. */
const MAX_ROUNDS = 10_000_000;
const SALT = 16;
const MAC = 32;
const LINE = 96;

export async function encryptKeyFile(text: string, passphrase: string, rounds = ROUNDS): Promise<Blob> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  // Some implementations count with 63 bits only.
  iv[8] = (iv[8] ?? 0) & 0x7f;
  const { aes, hmac } = await deriveKeys(passphrase, salt, rounds);
  const data = new TextEncoder().encode(text);
  const ciphertext = new Uint8Array(
    await crypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, aes, data),
  );
  const body = new Uint8Array(1 + SALT + 16 + 4 + ciphertext.length);
  body[0] = VERSION;
  body.set(salt, 1);
  body.set(iv, 1 + SALT);
  new DataView(body.buffer).setUint32(1 + SALT + 16, rounds);
  body.set(ciphertext, 1 + SALT + 16 + 4);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, body));
  const whole = new Uint8Array(body.length + MAC);
  whole.set(body);
  whole.set(mac, body.length);
  const lines = toBase64(whole).match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return new Blob([`${[HEAD, ...lines, TAIL].join("\n")}\n`], { type: "text/plain" });
}

export async function decryptKeyFile(file: string, passphrase: string): Promise<string> {
  const bytes = unwrap(file);
  if (bytes === undefined || bytes.length < 1 + SALT + 16 + 4 + MAC || bytes[0] !== VERSION) {
    throw new ProblemError({ kind: "not-a-key-file" });
  }
  const body = bytes.subarray(0, -MAC);
  const salt = body.slice(1, 1 + SALT);
  const iv = body.slice(1 + SALT, 1 + SALT + 16);
  const rounds = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1 + SALT + 16);
  if (rounds === 0 || rounds > MAX_ROUNDS) throw new ProblemError({ kind: "not-a-key-file" });
  const { aes, hmac } = await deriveKeys(passphrase, salt, rounds);
  const valid = await crypto.subtle.verify("HMAC", hmac, bytes.slice(-MAC), body.slice());
  if (!valid) throw new ProblemError({ kind: "wrong-passphrase" });
  const ciphertext = body.slice(1 + SALT + 16 + 4);
  const text = await crypto.subtle.decrypt({ name: "AES-CTR", counter: iv, length: 64 }, aes, ciphertext);
  return new TextDecoder().decode(text);
}

function unwrap(file: string): Uint8Array<ArrayBuffer> | undefined {
  const lines = file.split("\n").map((line) => line.trim());
  const start = lines.indexOf(HEAD);
  const end = lines.indexOf(TAIL);
  if (start < 0 || end <= start) return undefined;
  try {
    return Uint8Array.from(atob(lines.slice(start + 1, end).join("")), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}

async function deriveKeys(passphrase: string, salt: BufferSource, rounds: number) {
  const typed = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase), "PBKDF2", false, [
    "deriveBits",
  ]);
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", salt, iterations: rounds, hash: "SHA-512" },
    typed,
    512,
  );
  const [aes, hmac] = await Promise.all([
    crypto.subtle.importKey("raw", bits.slice(0, 32), "AES-CTR", false, ["encrypt", "decrypt"]),
    crypto.subtle.importKey("raw", bits.slice(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]),
  ]);
  return { aes, hmac };
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
}
