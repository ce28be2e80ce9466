/** The sounds of notifications, made here: no file has to be fetched. */
import type { Sound } from "../base/preferences.ts";

interface Tone {
  /** Hertz. */
  pitch: number;
  /** Seconds after the start. */
  at: number;
  length: number;
  shape: OscillatorType;
}

const SOUNDS: Readonly<Record<Exclude<Sound, "none">, readonly Tone[]>> = {
  chime: [
    { pitch: 784, at: 0, length: 0.18, shape: "sine" },
    { pitch: 1046.5, at: 0.11, length: 0.32, shape: "sine" },
  ],
  pop: [{ pitch: 520, at: 0, length: 0.09, shape: "triangle" }],
  bell: [
    { pitch: 1318.5, at: 0, length: 0.6, shape: "sine" },
    { pitch: 2637, at: 0, length: 0.25, shape: "sine" },
  ],
};

const LOUDNESS = 0.18;
let context: AudioContext | undefined;

/** Browsers play nothing before somebody has clicked or typed: then it stays silent. */
export function playSound(sound: Sound): void {
  if (sound === "none" || typeof AudioContext === "undefined") return;
  context ??= new AudioContext();
  const audio = context;
  void audio
    .resume()
    .then(() => {
      for (const tone of SOUNDS[sound]) play(audio, tone);
    })
    .catch(() => undefined);
}

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
  if (typeof AudioContext === "undefined") return () => undefined;
  context ??= new AudioContext();
  const audio = context;
  const { tones, every } = RINGS[which];
  let stopped = false;
  const ring = () =>
    void audio
      .resume()
      .then(() => {
        if (!stopped) for (const tone of tones) play(audio, tone);
      })
      .catch(() => undefined);
  ring();
  const timer = setInterval(ring, every);
  return () => {
    stopped = true;
    clearInterval(timer);
  };
}

function play(audio: AudioContext, { pitch, at, length, shape }: Tone): void {
  const start = audio.currentTime + at;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  oscillator.type = shape;
  oscillator.frequency.value = pitch;
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(LOUDNESS, start + 0.01);
  volume.gain.exponentialRampToValueAtTime(0.001, start + length);
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + length);
}
