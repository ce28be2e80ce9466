/** How calls sound before somebody answers. */
import { playTones, type Tone } from "./sounds.ts";

/** A call that comes in, and one that is waited for: a second of sound, and a pause. */
const RINGS: Readonly<Record<"incoming" | "outgoing", { tones: readonly Tone[]; every: number }>> = {
  incoming: {
    tones: [0, 0.35, 0.7].flatMap((at) => [
      { pitch: 659.3, at, length: 0.3, shape: "sine" as const },
      { pitch: 880, at: at + 0.12, length: 0.3, shape: "sine" as const },
    ]),
    every: 2_600,
  },
  outgoing: { tones: [{ pitch: 425, at: 0, length: 1, shape: "sine" }], every: 4_000 },
};

/** Rings until the returned function is called. */
export function startRinging(which: keyof typeof RINGS): () => void {
  const { tones, every } = RINGS[which];
  playTones(tones);
  const timer = setInterval(() => playTones(tones), every);
  return () => clearInterval(timer);
}
