const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** `5 minutes ago`; the largest unit that fits, and nothing for less than a minute. */
export function agoText(timestamp: number, now: number, locale: string): string | undefined {
  const passed = now - timestamp;
  const [unit, length] = UNITS.find(([, length]) => passed >= length) ?? [];
  if (unit === undefined || length === undefined) return undefined;
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-Math.floor(passed / length), unit);
}
