import { expect, test } from "vitest";
import { playTime, readWaveform, resample, waveformOf } from "./voice.ts";

test("a waveform has at most 100 values up to 1024, and keeps what is loud", () => {
  const levels = Array.from({ length: 1_000 }, (_, index) => (index === 500 ? 0.4 : 0.1));
  const waveform = waveformOf(levels);
  expect(waveform).toHaveLength(100);
  expect(Math.max(...waveform)).toBe(1024);
  expect(waveform[50]).toBe(1024);
  expect(waveform[0]).toBe(256);
  expect(waveformOf([])).toEqual([0]);
  // Silence is not made loud.
  expect(Math.max(...waveformOf([0.001, 0.002]))).toBeLessThan(110);
});

test("fewer values are stretched", () => {
  expect(resample([1, 2], 4)).toEqual([1, 1, 2, 2]);
  expect(resample([], 3)).toEqual([0, 0, 0]);
});

test("what strangers write is read as loudness or not at all", () => {
  expect(readWaveform([0, 512, 1024, 9e9, -5, "x", null])).toEqual([0, 0.5, 1, 1, 0, 0, 0]);
  expect(readWaveform([])).toBeUndefined();
  expect(readWaveform("loud")).toBeUndefined();
  expect(readWaveform(Array.from({ length: 100_000 }, () => 1))).toHaveLength(1_000);
});

test("times", () => {
  expect([0, 999, 65_000, 3_605_000].map(playTime)).toEqual(["0:00", "0:01", "1:05", "1:00:05"]);
});
