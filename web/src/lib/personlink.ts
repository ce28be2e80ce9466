/** Links to people: those of this client, `matrix:` URIs and matrix.to (spec: "URIs"). */
import { isUserId } from "./text.ts";

/** The address of somebody's card on a server that serves this client. */
export function personLink(origin: string, userId: string): string {
  return `${origin}/u/${encodeURIComponent(userId).replace(/%40/g, "@").replace(/%3A/gi, ":")}`;
}

/** The person whom a link, a scanned code or a typed id means. */
export function personOfLink(text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed.length > 1000) return undefined;
  if (isUserId(trimmed)) return trimmed;
  const found =
    /^matrix:u\/([^/?#]+)/i.exec(trimmed)?.[1] ??
    /^https?:\/\/matrix\.to\/#\/([^/?#]+)/i.exec(trimmed)?.[1] ??
    /^https?:\/\/[^/?#]+\/(?:#\/)?u\/([^/?#]+)/i.exec(trimmed)?.[1];
  if (found === undefined) return undefined;
  try {
    const decoded = decodeURIComponent(found);
    const userId = decoded.startsWith("@") ? decoded : `@${decoded}`;
    return isUserId(userId) ? userId : undefined;
  } catch {
    return undefined;
  }
}

/** The URI that any Matrix client understands. */
export function matrixUri(userId: string): string {
  return `matrix:u/${encodeURIComponent(userId.slice(1)).replace(/%3A/gi, ":")}`;
}
