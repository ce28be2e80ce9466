const DAY = 86_400_000;

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options);
  let found = formatters.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(locale, options);
    formatters.set(key, found);
  }
  return found;
}

const relative = new Map<string, Intl.RelativeTimeFormat>();

/** "Today", "Yesterday". */
function relativeDay(days: number, locale: string): string {
  let format = relative.get(locale);
  if (format === undefined) {
    format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
    relative.set(locale, format);
  }
  return capitalise(format.format(days, "day"), locale);
}

/** Whole local days between two moments; 0 is the same calendar day. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / DAY);
}

export function startOfDay(timestamp: number): number {
  const date = new Date(timestamp);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** `14:05` (or `2:05 PM` where the locale says so). */
export function clockTime(timestamp: number, locale: string): string {
  return formatter(locale, { timeStyle: "short" }).format(timestamp);
}

/** The short form for lists: the time today, then the weekday, then the date. */
export function listTime(timestamp: number, now: number, locale: string): string {
  const days = daysBetween(timestamp, now);
  if (days <= 0) return clockTime(timestamp, locale);
  if (days === 1) return relativeDay(-1, locale);
  if (days < 7) return formatter(locale, { weekday: "short" }).format(timestamp);
  if (sameYear(timestamp, now)) return formatter(locale, { month: "short", day: "numeric" }).format(timestamp);
  return formatter(locale, { year: "numeric", month: "numeric", day: "numeric" }).format(timestamp);
}

/** The long form for day separators. */
export function dayName(timestamp: number, now: number, locale: string): string {
  const days = daysBetween(timestamp, now);
  if (days === 0 || days === 1) {
    return relativeDay(-days, locale);
  }
  return formatter(locale, {
    weekday: "long",
    month: "long",
    day: "numeric",
    year: sameYear(timestamp, now) ? undefined : "numeric",
  }).format(timestamp);
}

/** A date on its own, such as `May 3, 2026`. */
export function dateText(timestamp: number, locale: string): string {
  return formatter(locale, { dateStyle: "medium" }).format(timestamp);
}

/** A date with the time, such as `May 3, 2026, 2:05 PM`, where somebody reads it. */
export function momentText(timestamp: number, locale: string): string {
  return formatter(locale, { dateStyle: "medium", timeStyle: "short" }).format(timestamp);
}

/** Everything, for tooltips. */
export function fullTime(timestamp: number, locale: string): string {
  return formatter(locale, { dateStyle: "full", timeStyle: "medium" }).format(timestamp);
}

/** `1:05`: how long something plays, from seconds. */
export function playTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  const [minutes, rest] = parts.map((part) => String(part).padStart(2, "0"));
  return hours > 0 ? `${hours}:${minutes}:${rest}` : `${parts[0]}:${rest}`;
}

/** `512 B`, `1.4 MB`: with the locale's digits and separators. */
export function fileSize(bytes: number, locale: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  // In words, `unit` would be "5 byte"; narrow, "5B".
  if (unit === 0) return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(value)} B`;
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: units[unit],
    unitDisplay: "short",
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);
}

function sameYear(a: number, b: number): boolean {
  return new Date(a).getFullYear() === new Date(b).getFullYear();
}

function capitalise(text: string, locale: string): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}
