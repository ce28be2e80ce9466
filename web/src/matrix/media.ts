/** Pictures and files from the media repository, fetched with the access token and kept as object URLs. */
import { ObjectUrlCache } from "../lib/lru.ts";
import { decryptAttachment } from "./crypto/attachments.ts";
import { type EncryptedFile, readEncryptedMxc } from "./crypto/reference.ts";
import { MatrixHttpError, ProblemError } from "./errors.ts";
import type { Tokens } from "./tokens.ts";
import type { Mxc } from "./types.ts";

/** A few screens of pictures and every avatar in sight; about 60 MB at worst with 800-pixel thumbnails. */
const CACHE_LIMIT = 300;

/** What a browser may show in place. Everything else becomes a download, so that it never runs in this origin. */
const INLINE = /^(?:image\/(?:png|apng|jpeg|gif|webp|avif|bmp)|video\/(?:mp4|webm|ogg|quicktime)|audio\/[\w.+-]+)$/;

export interface ThumbnailSize {
  width: number;
  height: number;
  method: "crop" | "scale";
}

export class Media {
  private readonly urls = new ObjectUrlCache(CACHE_LIMIT, (key) => this.fetchBlob(key));

  constructor(
    private readonly homeserver: string,
    private readonly tokens: Tokens,
  ) {}

  /** The key under which a picture is cached: its path on the server, or what decrypts it. */
  thumbnailKey(mxc: Mxc, size: ThumbnailSize): string | undefined {
    const encrypted = readEncryptedMxc(mxc);
    if (encrypted !== undefined) {
      const { file, thumbnail, mimetype } = encrypted;
      return thumbnail === undefined ? encryptedKey(file, mimetype) : encryptedKey(thumbnail, "image/*");
    }
    const path = mediaPath(mxc);
    // A fixed set of sizes, so that a zoomed page does not fill the cache with near copies.
    const query = new URLSearchParams({
      width: String(size.width),
      height: String(size.height),
      method: size.method,
      animated: "false",
    });
    return path && `thumbnail/${path}?${query}`;
  }

  downloadKey(mxc: Mxc): string | undefined {
    const encrypted = readEncryptedMxc(mxc);
    if (encrypted !== undefined) return encryptedKey(encrypted.file, encrypted.mimetype);
    const path = mediaPath(mxc);
    return path && `download/${path}`;
  }

  acquire(key: string): Promise<string> {
    return this.urls.acquire(key);
  }

  release(key: string): void {
    this.urls.release(key);
  }

  /** Fetches a file and hands it to the browser's downloads. */
  async save(mxc: Mxc, name: string): Promise<void> {
    const key = this.downloadKey(mxc);
    if (key === undefined) return;
    const blob = await this.fetchBlob(key);
    const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    // The download has its own reference once the click was handled.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  /**
   * Shows a document in a tab of its own, which the caller has opened while a click was being handled. Only what is a PDF by
   * its own first bytes: the browser's viewer runs nothing of it in this origin.
   */
  async open(mxc: Mxc, tab: Window): Promise<void> {
    const key = this.downloadKey(mxc);
    if (key === undefined) throw new MatrixHttpError(404, "M_NOT_FOUND", undefined, {});
    const blob = await this.fetchBlob(key);
    if ((await blob.slice(0, 5).text()) !== "%PDF-") throw new ProblemError({ kind: "not-pdf" });
    const url = URL.createObjectURL(new Blob([blob], { type: "application/pdf" }));
    tab.location.replace(url);
    // A viewer that is slow to start still finds it.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  clear(): void {
    this.urls.clear();
  }

  private async fetchBlob(key: string): Promise<Blob> {
    const encrypted = readEncryptedKey(key);
    if (encrypted !== undefined) return this.fetchEncrypted(encrypted);
    const url = new URL(`/_matrix/client/v1/media/${key}`, this.homeserver);
    const response = await this.tokens.fetch(url, { headers: { Authorization: "Bearer" } });
    if (!response.ok) {
      // A picture too small, or of a kind the server cannot scale, is shown as it is.
      if (key.startsWith("thumbnail/") && response.status !== 404) {
        return this.fetchBlob(key.replace(/^thumbnail/, "download").replace(/\?.*$/, ""));
      }
      throw new MatrixHttpError(response.status, undefined, undefined, {});
    }
    const blob = await response.blob();
    return INLINE.test(blob.type) ? blob : new Blob([blob], { type: "application/octet-stream" });
  }

  private async fetchEncrypted({ file, mimetype }: EncryptedKey): Promise<Blob> {
    const path = mediaPath(file.url);
    if (path === undefined) throw new MatrixHttpError(404, "M_NOT_FOUND", undefined, {});
    const blob = await decryptAttachment(file, await this.fetchBlob(`download/${path}`));
    // The sender says what it is; a picture is shown as one only by the browser's own look at it.
    const type = mimetype === "image/*" ? await pictureType(blob) : mimetype;
    return new Blob([blob], { type: type !== undefined && INLINE.test(type) ? type : "application/octet-stream" });
  }
}

interface EncryptedKey {
  file: EncryptedFile;
  mimetype?: string;
}

function encryptedKey(file: EncryptedFile, mimetype: string | undefined): string {
  return `encrypted/${JSON.stringify({ file, mimetype } satisfies EncryptedKey)}`;
}

function readEncryptedKey(key: string): EncryptedKey | undefined {
  return key.startsWith("encrypted/") ? (JSON.parse(key.slice("encrypted/".length)) as EncryptedKey) : undefined;
}

/** The kind of a thumbnail, which its event need not say, by its first bytes. */
async function pictureType(blob: Blob): Promise<string | undefined> {
  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 16).arrayBuffer()));
  if (head.startsWith("\x89PNG")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("GIF8")) return "image/gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "image/webp";
  return head.slice(4, 12) === "ftypavif" ? "image/avif" : undefined;
}

/** A path of two parts, neither of which leads upwards (spec: "Matrix Content (MXC) URIs"). */
function mediaPath(mxc: Mxc): string | undefined {
  const match = /^mxc:\/\/(?!\.+\/)([^/?#]+)\/([\w-]+)$/.exec(mxc);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return `${encodeURIComponent(match[1])}/${encodeURIComponent(match[2])}`;
}
