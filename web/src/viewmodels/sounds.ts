/** The sounds of notifications, made here: no file has to be fetched. */
import type { Sound } from "../base/preferences.ts";

export interface Tone {
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

/** Browsers allow a page few of them. */
function audio(): AudioContext | undefined {
  if (typeof AudioContext !== "undefined") context ??= new AudioContext();
  return context;
}

/** Browsers play nothing before somebody has clicked or typed: then it stays silent. */
export function playSound(sound: Sound): void {
  if (sound !== "none") playTones(SOUNDS[sound]);
}

export function playTones(tones: readonly Tone[]): void {
  const output = audio();
  output
    ?.resume()
    .then(() => {
      for (const tone of tones) play(output, tone);
    })
    .catch(() => undefined);
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
