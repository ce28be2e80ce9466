/** What a line that begins with a slash asks for. */
import type { Effect } from "./effects.ts";
import { isUserId } from "./text.ts";

/** Commands that only change how the text is sent, and those that do something. */
export type CommandName =
  | "me"
  | "shrug"
  | "tableflip"
  | "unflip"
  | "lenny"
  | "spoiler"
  | "plain"
  | "html"
  | "invite"
  | "kick"
  | "ban"
  | "unban"
  | "topic"
  | "roomname"
  | "nick"
  | "myroomnick"
  | "join"
  | "leave"
  | Effect;

interface Command {
  name: CommandName;
  /** Other names that people know. */
  also?: readonly string[];
  /** What it wants: `text?` may be missing. */
  wants: "text" | "text?" | "user" | "user reason?" | "room" | "";
  /** Needs this permission in the room. */
  needs?: "invite" | "remove" | "describe" | "rename";
}

export const COMMANDS: readonly Command[] = [
  { name: "me", wants: "text" },
  { name: "shrug", wants: "text?" },
  { name: "tableflip", wants: "text?" },
  { name: "unflip", wants: "text?" },
  { name: "lenny", wants: "text?" },
  { name: "spoiler", wants: "text" },
  { name: "confetti", wants: "text?" },
  { name: "fireworks", wants: "text?" },
  { name: "hearts", wants: "text?" },
  { name: "snowfall", wants: "text?" },
  { name: "plain", wants: "text" },
  { name: "html", wants: "text" },
  { name: "invite", wants: "user reason?", needs: "invite" },
  { name: "kick", also: ["remove"], wants: "user reason?", needs: "remove" },
  { name: "ban", wants: "user reason?", needs: "remove" },
  { name: "unban", wants: "user", needs: "remove" },
  { name: "topic", wants: "text", needs: "describe" },
  { name: "roomname", wants: "text", needs: "rename" },
  { name: "nick", wants: "text" },
  { name: "myroomnick", also: ["roomnick"], wants: "text" },
  { name: "join", also: ["j", "goto"], wants: "room" },
  { name: "leave", also: ["part"], wants: "" },
];

export type Parsed =
  | { kind: "text"; text: string }
  | { kind: "unknown"; name: string }
  /** The command is known, and what it wants is not there or is of the wrong kind. */
  | { kind: "incomplete"; command: Command }
  | { kind: "command"; name: CommandName; argument: string; target?: string; reason?: string };

/** `//` at the start is a slash; a path such as `/etc/hosts` is text. */
export function parseCommand(text: string): Parsed {
  if (text.startsWith("//")) return { kind: "text", text: text.slice(1) };
  const found = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i.exec(text);
  if (found === null) return { kind: "text", text };
  const name = (found[1] ?? "").toLowerCase();
  const argument = (found[2] ?? "").trim();
  const command = COMMANDS.find((candidate) => candidate.name === name || candidate.also?.includes(name) === true);
  if (command === undefined) return { kind: "unknown", name };
  const [target = "", reason] = /^(\S+)(?:\s+([\s\S]*))?$/.exec(argument)?.slice(1) ?? [];
  switch (command.wants) {
    case "text":
      return argument === "" ? { kind: "incomplete", command } : { kind: "command", name: command.name, argument };
    case "user":
    case "user reason?":
      if (!isUserId(target)) return { kind: "incomplete", command };
      return { kind: "command", name: command.name, argument, target, ...(reason === undefined ? {} : { reason }) };
    case "room":
      if (!/^[#!]\S+$/.test(target)) return { kind: "incomplete", command };
      return { kind: "command", name: command.name, argument, target };
    default:
      return { kind: "command", name: command.name, argument };
  }
}

/** Commands that begin with what was typed. */
export function commandsFor(query: string, can: Readonly<Record<string, boolean>>): readonly Command[] {
  return COMMANDS.filter(({ name, also = [], needs }) => {
    if (needs !== undefined && can[needs] !== true) return false;
    return [name, ...also].some((known) => known.startsWith(query));
  });
}

const FACES: Partial<Record<CommandName, string>> = {
  shrug: "¯\\_(ツ)_/¯",
  tableflip: "(╯°□°）╯︵ ┻━┻",
  unflip: "┬──┬ ノ( ゜-゜ノ)",
  lenny: "( ͡° ͜ʖ ͡°)",
};

/** The face of a command that is one, before what was written. */
export function faceOf(name: CommandName, argument: string): string | undefined {
  const face = FACES[name];
  return face === undefined ? undefined : `${face} ${argument}`.trim();
}
