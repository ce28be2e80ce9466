/** Contacts as files: vCard 4.0 (RFC 6350), CSV (RFC 4180) and JSON. */
import { type ContactNote, contactNote, readContactNote } from "./contacts.ts";
import { matrixUri, personOfLink } from "./personlink.ts";

export type ContactFormat = "vcard" | "csv" | "json";

export interface FileContact {
  id: string;
  /** What they call themselves. */
  name: string;
  note: ContactNote;
}

export const CONTACT_FORMATS: Readonly<Record<ContactFormat, { extension: string; type: string }>> = {
  vcard: { extension: "vcf", type: "text/vcard" },
  csv: { extension: "csv", type: "text/csv" },
  json: { extension: "json", type: "application/json" },
};

/** What a file may be long, in characters, and how many contacts are taken from it. */
export const MAX_FILE = 4_000_000;
export const MAX_CONTACTS = 5000;

export function writeContacts(contacts: readonly FileContact[], format: ContactFormat): string {
  switch (format) {
    case "vcard":
      return contacts.map(toCard).join("");
    case "csv":
      return [HEADER.join(","), ...contacts.map(toRow)].join("\r\n").concat("\r\n");
    case "json":
      return `${JSON.stringify({ contacts: contacts.map(({ id, name, note }) => ({ id, ...note, name })) }, null, 2)}\n`;
  }
}

/** Reads a file of any of the three formats. Nothing where it is none of them; contacts without a Matrix id are left out. */
export function readContacts(text: string): readonly FileContact[] | undefined {
  if (text.length > MAX_FILE) return undefined;
  const content = text.replace(/^\ufeff/, "").trimStart();
  const found = /^BEGIN:VCARD/i.test(content)
    ? readCards(content)
    : /^[[{]/.test(content)
      ? readJson(content)
      : readCsv(content);
  if (found === undefined) return undefined;
  const byId = new Map(found.slice(0, MAX_CONTACTS).map((contact) => [contact.id, contact]));
  return [...byId.values()];
}

// vCard

function toCard({ id, name, note }: FileContact): string {
  const lines = [
    "BEGIN:VCARD",
    "VERSION:4.0",
    `FN:${escapeText(note.remark ?? name)}`,
    ...(note.remark === undefined ? [] : [`NICKNAME:${escapeText(name)}`]),
    `IMPP:${matrixUri(id)}`,
    ...(note.tags === undefined ? [] : [`CATEGORIES:${note.tags.map(escapeText).join(",")}`]),
    ...(note.star === true ? ["X-IM2-STAR:1"] : []),
    "END:VCARD",
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join("");
}

function escapeText(text: string): string {
  return text.replace(/[\\,;]/g, "\\$&").replace(/\n/g, "\\n");
}

function unescapeText(text: string): string {
  return text.replace(/\\([\\,;nN])/g, (_, character: string) => (/n/i.test(character) ? " " : character));
}

/** Lines of at most 75 octets, continued with a space, never inside of a character. */
function fold(line: string): string {
  const encoder = new TextEncoder();
  let folded = "";
  let length = 0;
  for (const character of line) {
    const octets = encoder.encode(character).length;
    if (length + octets > 75) {
      folded += "\r\n ";
      length = 1;
    }
    folded += character;
    length += octets;
  }
  return folded;
}

function readCards(text: string): FileContact[] {
  const contacts: FileContact[] = [];
  let card: Record<string, string> = {};
  for (const line of text.replace(/\r?\n[ \t]/g, "").split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const property = (line.slice(0, colon).split(";")[0] ?? "").replace(/^[^.]*\./, "").toUpperCase();
    const value = line.slice(colon + 1);
    if (property === "BEGIN") card = {};
    else if (property === "END") {
      const contact = ofCard(card);
      if (contact !== undefined) contacts.push(contact);
    } else if (property !== "IMPP" || personOfLink(value) !== undefined) card[property] = value;
  }
  return contacts;
}

function ofCard(card: Record<string, string>): FileContact | undefined {
  const id = personOfLink(card.IMPP ?? "");
  if (id === undefined) return undefined;
  const shown = unescapeText(card.FN ?? "");
  const nickname = card.NICKNAME === undefined ? undefined : unescapeText(card.NICKNAME);
  const tags = (card.CATEGORIES ?? "").split(/(?<!\\),/).map(unescapeText);
  const note = contactNote({
    // A card with one name is called as the person calls themselves.
    remark: nickname === undefined ? undefined : shown,
    tags,
    star: card["X-IM2-STAR"] === "1" ? true : undefined,
  });
  return { id, name: contactNote({ name: nickname ?? shown }).name ?? "", note };
}

// CSV

const HEADER = ["id", "name", "remark", "tags", "starred"];

function toRow({ id, name, note }: FileContact): string {
  const tags = (note.tags ?? []).join("; ");
  return [matrixUri(id), name, note.remark ?? "", tags, note.star === true ? "yes" : ""].map(cell).join(",");
}

/** Spreadsheets run what begins like a formula, and names are chosen by others. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}

function readCsv(text: string): FileContact[] | undefined {
  const rows = parseCsv(text);
  const header = rows[0]?.map((name) => name.trim().toLowerCase());
  const column = (...names: string[]) => header?.findIndex((name) => names.includes(name)) ?? -1;
  const at = { id: column("id", "user id", "user_id", "matrix"), name: column("name"), remark: column("remark") };
  const [tags, star] = [column("tags"), column("starred", "star")];
  if (at.id < 0) return undefined;
  return rows.slice(1).flatMap((row) => {
    const value = (index: number) => (row[index] ?? "").replace(/^'(?=[=+\-@\t\r])/, "");
    const id = personOfLink(value(at.id));
    if (id === undefined) return [];
    const note = contactNote({
      remark: value(at.remark),
      tags: value(tags).split(/[;；]/),
      star: /^(?:yes|true|1|是)$/i.test(value(star).trim()) ? true : undefined,
    });
    return [{ id, name: contactNote({ name: value(at.name) }).name ?? "", note }];
  });
}

function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/g)) {
    row.push(quoted === undefined ? (plain ?? "") : quoted.replace(/""/g, '"'));
    if (end === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
    if (rows.length > MAX_CONTACTS) break;
  }
  return rows;
}

// JSON

function readJson(text: string): FileContact[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list: unknown = Array.isArray(parsed) ? parsed : (parsed as { contacts?: unknown }).contacts;
  if (!Array.isArray(list)) return undefined;
  return list.slice(0, MAX_CONTACTS).flatMap((item: unknown) => {
    if (typeof item !== "object" || item === null) return [];
    const { id, name, ...note } = item as Record<string, unknown>;
    const userId = typeof id === "string" ? personOfLink(id) : undefined;
    const read = userId === undefined ? undefined : readContactNote(userId, note);
    if (userId === undefined || read === undefined) return [];
    return [{ id: userId, name: typeof name === "string" ? (contactNote({ name }).name ?? "") : "", note: read }];
  });
}
