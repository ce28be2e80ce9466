import { useEffect, useRef, useState } from "react";
import type { MessageKey } from "../../i18n/index.ts";
import { waveformOf } from "../../lib/voice.ts";

export interface Recording {
  file: File;
  /** Milliseconds. */
  duration: number;
  waveform: readonly number[];
}

export type RecorderState =
  | { phase: "idle" }
  /** The browser asks for the microphone. */
  | { phase: "asking" }
  | { phase: "recording"; levels: readonly number[]; duration: number }
  | { phase: "done"; recording: Recording }
  | { phase: "failed"; reason: MessageKey };

/** Sounds that browsers can record, the most widely understood first. */
const KINDS = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
const EVERY = 50;
/** Longer than anybody speaks, in milliseconds; what was said until then is kept. */
const LONGEST = 15 * 60_000;

interface Running {
  recorder: MediaRecorder;
  stream: MediaStream;
  context: AudioContext;
  timer: ReturnType<typeof setInterval>;
  levels: number[];
  started: number;
  keep: boolean;
}

/** Records from the microphone, and lets go of it in every case. */
export function useRecorder() {
  const [state, setState] = useState<RecorderState>({ phase: "idle" });
  const running = useRef<Running>(undefined);
  /** Counts the attempts, so that one that was given up while the browser asked does not begin later. */
  const attempt = useRef(0);

  const stop = (keep: boolean) => {
    attempt.current++;
    const current = running.current;
    if (current === undefined) return setState({ phase: "idle" });
    running.current = undefined;
    current.keep = keep;
    clearInterval(current.timer);
    // Tells of the end by its event.
    if (current.recorder.state !== "inactive") current.recorder.stop();
  };
  const stopLatest = useRef(stop);
  stopLatest.current = stop;
  useEffect(() => () => stopLatest.current(false), []);

  const start = async () => {
    const mine = ++attempt.current;
    setState({ phase: "asking" });
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (mine !== attempt.current) return release(stream);
      running.current = record(stream, setState, () => stopLatest.current(true));
    } catch (error) {
      if (mine === attempt.current) setState({ phase: "failed", reason: reasonOf(error) });
    }
  };
  return { state, start, stop, reset: () => setState({ phase: "idle" }) };
}

function record(stream: MediaStream, setState: (state: RecorderState) => void, onLimit: () => void): Running {
  const kind = KINDS.find((candidate) => MediaRecorder.isTypeSupported(candidate));
  const recorder = new MediaRecorder(stream, { mimeType: kind, audioBitsPerSecond: 32_000 });
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const levels: number[] = [];
  const chunks: Blob[] = [];
  const started = performance.now();
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const sample of samples) sum += sample * sample;
    levels.push(Math.sqrt(sum / samples.length));
    const duration = performance.now() - started;
    setState({ phase: "recording", levels: levels.slice(-120), duration });
    if (duration > LONGEST) onLimit();
  }, EVERY);
  const current: Running = { recorder, stream, context, timer, levels, started, keep: false };
  recorder.ondataavailable = ({ data }) => chunks.push(data);
  recorder.onstop = () => {
    clearInterval(timer);
    release(stream);
    void context.close();
    if (!current.keep) return setState({ phase: "idle" });
    // Without its parameters, which other clients do not expect.
    const type = (recorder.mimeType || (kind ?? "audio/webm")).split(";")[0] ?? "audio/webm";
    const file = new File(chunks, `voice-message.${type.split("/")[1] ?? "webm"}`, { type });
    const duration = Math.round(performance.now() - started);
    setState({ phase: "done", recording: { file, duration, waveform: waveformOf(levels) } });
  };
  recorder.start(1_000);
  setState({ phase: "recording", levels: [], duration: 0 });
  return current;
}

function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function reasonOf(error: unknown): MessageKey {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "voice.denied";
  return name === "NotFoundError" ? "voice.missing" : "voice.failed";
}
