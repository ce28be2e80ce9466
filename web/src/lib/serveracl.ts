/** Which servers may take part in a room (spec: "Server Access Control Lists (ACLs) for rooms"). */

export const SERVER_ACL = "m.room.server_acl";

export interface ServerAccess {
  /** Patterns of names, in which `*` stands for any characters and `?` for one. `deny` comes first. */
  allow: readonly string[];
  deny: readonly string[];
  /** Whether servers may that have an IP address in place of a name. */
  addresses: boolean;
}

/** A room without such a list. */
const OPEN: ServerAccess = { allow: ["*"], deny: [], addresses: true };

export function readServerAccess(content: Readonly<Record<string, unknown>> | undefined): ServerAccess {
  if (content === undefined) return OPEN;
  const list = (value: unknown) =>
    (Array.isArray(value) ? value : []).filter((each): each is string => typeof each === "string");
  return {
    allow: list(content.allow),
    deny: list(content.deny),
    addresses: content.allow_ip_literals !== false,
  };
}

export function serverAclContent({ allow, deny, addresses }: ServerAccess) {
  return { allow, deny, allow_ip_literals: addresses };
}

export function isAllowed({ allow, deny, addresses }: ServerAccess, server: string): boolean {
  const name = server.replace(/:\d+$/, "").toLowerCase();
  if (!addresses && /^(?:\[.*\]|\d+(?:\.\d+){3})$/.test(name)) return false;
  const among = (patterns: readonly string[]) => patterns.some((pattern) => matches(pattern.toLowerCase(), name));
  return !among(deny) && among(allow);
}

/** Names or patterns, one a line, as servers write them: those in other scripts become Punycode. */
export function patternsOf(text: string): string[] {
  const lines = text.split(/[\n\r,;]+/).map((line) => line.trim());
  return [...new Set(lines.filter(Boolean).map(inAscii))];
}

/** Unchanged where it cannot be said so. */
function inAscii(name: string): string {
  if (!/[^\0-\x7f]/.test(name) || /[/@:#\s\\%]/.test(name)) return name;
  // A `*` is none of the characters that addresses have: each label is written by itself.
  return name.replace(/[^.。*?]*[^\0-\x7f.。*?][^.。*?]*/g, labelInAscii).replaceAll("。", ".");
}

function labelInAscii(label: string): string {
  try {
    const { hostname } = new URL(`http://${label}`);
    // Digits of other scripts would become an IP address.
    return /^[\d.]*$/.test(hostname) ? label : hostname;
  } catch {
    return label;
  }
}

/** The longest name that there can be, and the longest part of one. */
const NAME = 253;
const LABEL = /^(?!-)[\w*?-]{1,63}(?<!-)$/;

export type PatternFault = "blanks" | "port" | "letters" | "long";

/** Why something is no server's name, with or without `*` and `?`. With a port it would stand for no server. */
export function faultOf(text: string): PatternFault | undefined {
  if (/\s/.test(text)) return "blanks";
  if (/^\[[\da-f:.*?]+\]$/i.test(text)) return undefined;
  if (/[:/@]/.test(text)) return "port";
  const labels = text.split(".");
  if (text.length > NAME || labels.some((label) => label.length > 63)) return "long";
  return labels.every((label) => LABEL.test(label)) ? undefined : "letters";
}

/** Compares in time that is the product of both lengths, whatever the pattern. */
function matches(pattern: string, name: string): boolean {
  let [at, from, star, tried] = [0, 0, -1, 0];
  while (at < name.length) {
    if (pattern[from] === "*") {
      star = from++;
      tried = at;
    } else if (pattern[from] === "?" || pattern[from] === name[at]) {
      from++;
      at++;
    } else if (star >= 0) {
      from = star + 1;
      at = ++tried;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(from));
}
