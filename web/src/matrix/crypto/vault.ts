/**
 * Encrypts what this browser keeps about encrypted chats, with keys that follow from the one that the session holds. Without
 * that key, which goes when somebody signs out, it says nothing but how long it is.
 */
const IV_BYTES = 12;
/** Lengths are rounded up to this, so that they say less about what is written. */
const PADDING = 64;

export class Vault {
  private readonly key: Promise<CryptoKey>;

  /** `purpose` separates what is kept for one thing from what is kept for another. */
  constructor(secret: BufferSource, purpose: string) {
    this.key = derive(secret, purpose);
    this.key.catch(() => undefined);
  }

  /** Browsers encrypt only on pages that came over a safe connection. */
  static get available(): boolean {
    return "subtle" in crypto;
  }

  /** `place` is where the value is kept: it can be read from no other. */
  async seal(value: unknown, place: string): Promise<ArrayBuffer> {
    const text = JSON.stringify(value);
    const bytes = new TextEncoder().encode(text);
    const padded = new Uint8Array(Math.ceil((bytes.length + 1) / PADDING) * PADDING).fill(SPACE);
    padded.set(bytes);
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const sealed = await crypto.subtle.encrypt(parameters(iv, place), await this.key, padded);
    const whole = new Uint8Array(IV_BYTES + sealed.byteLength);
    whole.set(iv);
    whole.set(new Uint8Array(sealed), IV_BYTES);
    return whole.buffer;
  }

  /** Throws when it was not sealed with this key for this place. */
  async open<T>(sealed: ArrayBuffer, place: string): Promise<T> {
    const iv = new Uint8Array(sealed, 0, IV_BYTES);
    const bytes = await crypto.subtle.decrypt(parameters(iv, place), await this.key, new Uint8Array(sealed, IV_BYTES));
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  }

  /** {@link seal} where only text can be kept. */
  async sealText(value: unknown, place: string): Promise<string> {
    return toBase64(await this.seal(value, place));
  }

  async openText<T>(sealed: string, place: string): Promise<T> {
    return this.open(fromBase64(sealed), place);
  }
}

/** Bytes as text, for what holds text alone. */
function toBase64(bytes: ArrayBuffer): string {
  return btoa(Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer;
}

/** JSON may end with spaces. */
const SPACE = 0x20;

function parameters(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) };
}

async function derive(secret: BufferSource, purpose: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const info = new TextEncoder().encode(purpose);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return crypto.subtle.deriveKey(algorithm, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
