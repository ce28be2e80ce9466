/** Loudness of a voice over time, as messages carry it (MSC1767) and as it is drawn. */

/** The most values that a message carries, and the greatest of them. */
export const WAVEFORM_LENGTH = 100;
const LOUDEST = 1024;

/** As many values as asked for, each the greatest of its part, so that a short word in a long pause is seen. */
export function resample(values: readonly number[], length: number): number[] {
  if (values.length === 0) return Array.from({ length }, () => 0);
  return Array.from({ length }, (_, index) => {
    const from = Math.floor((index * values.length) / length);
    const to = Math.max(from + 1, Math.floor(((index + 1) * values.length) / length));
    let greatest = 0;
    for (let at = from; at < to; at++) greatest = Math.max(greatest, values[at] ?? 0);
    return greatest;
  });
}

/** Of levels from 0 to 1: whole numbers up to 1024, with the loudest at the top, however far the microphone was. */
export function waveformOf(levels: readonly number[]): number[] {
  const length = Math.min(WAVEFORM_LENGTH, Math.max(levels.length, 1));
  const values = resample(levels, length);
  const greatest = Math.max(...values, 0.02);
  return values.map((value) => Math.round((Math.max(0, value) / greatest) * LOUDEST));
}

/** What strangers say of a sound: numbers from 0 to 1, or nothing. */
export function readWaveform(value: unknown): number[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const values = value.slice(0, 1_000).map((item) => (typeof item === "number" && Number.isFinite(item) ? item : 0));
  return values.map((item) => Math.min(1, Math.max(0, item / LOUDEST)));
}

/** `1:05`. */
export function playTime(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const minutes = Math.floor(seconds / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}
