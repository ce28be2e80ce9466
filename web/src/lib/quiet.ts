/** Quiet hours: times of the day, in a time zone, at which nothing rings. */

export interface QuietHours {
  on: boolean;
  /** `22:00`. */
  from: string;
  /** `07:00`; before `from`, it is that of the next day. */
  to: string;
  /** `Europe/Berlin`. */
  zone: string;
}

export function isQuiet(hours: QuietHours, now: number): boolean {
  const from = minutesOf(hours.from);
  const to = minutesOf(hours.to);
  if (!hours.on || from === undefined || to === undefined || from === to) return false;
  const minute = minuteIn(hours.zone, now);
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

export function readQuietHours(value: unknown): QuietHours | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { on, from, to, zone } = value as Record<string, unknown>;
  if (typeof from !== "string" || typeof to !== "string" || typeof zone !== "string") return undefined;
  if (minutesOf(from) === undefined || minutesOf(to) === undefined || !isTimeZone(zone)) return undefined;
  return { on: on === true, from, to, zone };
}

export function localTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** The time zones that the browser knows, with the person's own. */
export function timeZones(): readonly string[] {
  const known = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set([...known, localTimeZone(), "UTC"])].sort();
}

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone.length < 100;
  } catch {
    return false;
  }
}

function minutesOf(time: string): number | undefined {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time);
  return found === null ? undefined : Number(found[1]) * 60 + Number(found[2]);
}

/** The minute of the day in a time zone. */
function minuteIn(zone: string, now: number): number {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const value = (type: string) => Number(parts.formatToParts(now).find((part) => part.type === type)?.value ?? 0);
  return value("hour") * 60 + value("minute");
}
