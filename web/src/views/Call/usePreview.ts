import { useEffect, useState } from "react";
import type { DeviceProblem, MediaDevice } from "../../matrix/calls/types.ts";

export interface PreviewChoice {
  microphone: boolean;
  camera: boolean;
  microphoneId?: string;
  cameraId?: string;
}

export interface Preview {
  picture?: MediaStream;
  /** How loud it is before the microphone, from 0 to 1. */
  level: number;
  problem: Partial<Record<"microphone" | "camera", DeviceProblem>>;
  devices: Readonly<Record<"microphone" | "camera", readonly MediaDevice[]>>;
}

/** How often the level is looked at, in milliseconds. */
const EVERY = 100;
/** Speech is far below the loudest that a microphone can tell. */
const GAIN = 4;

/** Opens the devices that somebody is about to join with, and lets go of them before they join. */
export function usePreview({ microphone, camera, microphoneId, cameraId }: PreviewChoice): Preview {
  const [sound, micProblem] = useStream(microphone, "audio", microphoneId);
  const [picture, camProblem] = useStream(camera, "video", cameraId);
  const [devices, setDevices] = useState<Preview["devices"]>({ microphone: [], camera: [] });
  // Names are told once a device may be used.
  useEffect(() => {
    let current = true;
    const list = async () => {
      const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
      const of = (wanted: MediaDeviceKind) =>
        all
          .filter(({ kind, deviceId }) => kind === wanted && deviceId !== "")
          .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
      if (current) setDevices({ microphone: of("audioinput"), camera: of("videoinput") });
    };
    void list().catch(() => undefined);
    return () => {
      current = false;
    };
  }, [sound, picture]);
  return {
    picture,
    level: useLevel(sound),
    problem: {
      ...(micProblem === undefined ? {} : { microphone: micProblem }),
      ...(camProblem === undefined ? {} : { camera: camProblem }),
    },
    devices,
  };
}

function useStream(
  on: boolean,
  kind: "audio" | "video",
  deviceId: string | undefined,
): [MediaStream | undefined, DeviceProblem | undefined] {
  const [stream, setStream] = useState<MediaStream>();
  const [problem, setProblem] = useState<DeviceProblem>();
  useEffect(() => {
    setProblem(undefined);
    if (!on) return;
    let opened: MediaStream | undefined;
    let current = true;
    const stop = () => {
      for (const track of opened?.getTracks() ?? []) track.stop();
    };
    const media = navigator.mediaDevices as MediaDevices | undefined;
    const asked = media?.getUserMedia({ [kind]: deviceId === undefined ? true : { deviceId } });
    if (asked === undefined) setProblem("unsupported");
    asked?.then(
      (found) => {
        opened = found;
        if (current) setStream(found);
        else stop();
      },
      (error: { name?: string }) => current && setProblem(problemOf(error.name)),
    );
    return () => {
      current = false;
      stop();
      setStream(undefined);
    };
  }, [on, kind, deviceId]);
  return [stream, problem];
}

function problemOf(name: string | undefined): DeviceProblem {
  if (name === "NotAllowedError") return "blocked";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return name === "NotReadableError" ? "busy" : "unsupported";
}

function useLevel(stream: MediaStream | undefined): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    if (stream === undefined || typeof AudioContext === "undefined") return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      setLevel(Math.min(1, Math.round(Math.sqrt(power) * GAIN * 20) / 20));
    }, EVERY);
    return () => {
      clearInterval(timer);
      void context.close();
      setLevel(0);
    };
  }, [stream]);
  return level;
}
