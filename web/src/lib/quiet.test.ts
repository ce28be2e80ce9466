import { expect, test } from "vitest";
import { isQuiet, readQuietHours } from "./quiet.ts";

const hours = (from: string, to: string, zone = "Europe/Berlin", on = true) => ({ on, from, to, zone });
const at = (iso: string) => Date.parse(iso);

test("quiet hours over midnight, in their time zone, summer and winter", () => {
  const night = hours("22:00", "07:00");
  expect(isQuiet(night, at("2026-01-10T20:59:00Z"))).toBe(false);
  expect(isQuiet(night, at("2026-01-10T21:00:00Z"))).toBe(true);
  expect(isQuiet(night, at("2026-07-10T20:00:00Z"))).toBe(true);
  expect(isQuiet(night, at("2026-07-10T04:59:00Z"))).toBe(true);
  expect(isQuiet(night, at("2026-07-10T05:00:00Z"))).toBe(false);
});

test("quiet hours by day, turned off, and of no length", () => {
  expect(isQuiet(hours("09:00", "12:00", "Asia/Shanghai"), at("2026-07-10T02:00:00Z"))).toBe(true);
  expect(isQuiet(hours("09:00", "12:00", "Asia/Shanghai"), at("2026-07-10T04:00:00Z"))).toBe(false);
  expect(isQuiet(hours("09:00", "12:00", "Asia/Shanghai", false), at("2026-07-10T02:00:00Z"))).toBe(false);
  expect(isQuiet(hours("09:00", "09:00"), at("2026-07-10T02:00:00Z"))).toBe(false);
});

test("what was stored is read, what makes no sense is not", () => {
  expect(readQuietHours({ on: true, from: "22:00", to: "07:00", zone: "UTC", more: 1 })).toEqual(
    hours("22:00", "07:00", "UTC"),
  );
  for (const value of [null, 7, { on: true }, hours("24:00", "07:00"), hours("22:00", "07:00", "Mars/Olympus")])
    expect(readQuietHours(value)).toBeUndefined();
});
