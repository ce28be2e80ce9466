import decodeQR from "qr/decode.js";
import { useEffect, useRef, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { Button } from "../../ui/controls.tsx";
import { FileButton } from "../../ui/FileButton.tsx";

interface ScannerProps {
  /** What to do, as long as nothing was read; and that something was which is not what is wanted. */
  text: string;
  wrong: string;
  /** A code holds bytes that are no text: each is read as a character. */
  binary?: boolean;
  /** Takes what was read. False when it is not what is wanted: then the search goes on. */
  onRead: (code: string) => boolean | Promise<boolean>;
  onCancel: () => void;
}

/** How often a picture of the camera is read, in milliseconds. */
const PERIOD = 200;
/** The longer side of what is read, in pixels: enough for a code, and quick on a phone. */
const READ_SIZE = 800;

type State = "starting" | "watching" | "refused" | "missing";

/** Reads a code with the camera, or from a picture. */
export default function Scanner({ text, wrong: wrongText, binary = false, onRead, onCancel }: ScannerProps) {
  const t = useT();
  const video = useRef<HTMLVideoElement>(null);
  const [state, setState] = useState<State>("starting");
  /** A code was read that is no person's, or a picture without a code. */
  const [wrong, setWrong] = useState(false);
  const reader = useRef(onRead);
  reader.current = onRead;
  const take = async (code: string | undefined): Promise<boolean> => {
    const taken = code !== undefined && (await reader.current(code));
    setWrong(!taken);
    return taken;
  };
  useEffect(() => {
    let stopped = false;
    let stream: MediaStream | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watch = async () => {
      if (stopped || video.current === null) return;
      const code =
        video.current.videoWidth > 0
          ? read(video.current, video.current.videoWidth, video.current.videoHeight, binary)
          : undefined;
      if (code !== undefined && (await take(code))) return;
      if (!stopped) timer = setTimeout(watch, PERIOD);
    };
    const start = async () => {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        if (stopped || video.current === null) return stop();
        video.current.srcObject = stream;
        await video.current.play();
        setState("watching");
        void watch();
      } catch (error) {
        setState((error as Error).name === "NotAllowedError" ? "refused" : "missing");
      }
    };
    const stop = () => {
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    void start();
    return () => {
      stopped = true;
      clearTimeout(timer);
      stop();
    };
  }, [binary]);
  const readFile = async (file: File) => {
    const picture = await createImageBitmap(file).catch(() => undefined);
    await take(picture && read(picture, picture.width, picture.height, binary));
    picture?.close();
  };
  return (
    <div className="dialog__body scanner">
      {(state === "starting" || state === "watching") && (
        <video ref={video} className="scanner__video" muted playsInline aria-label={t("scan.camera")} />
      )}
      <p role="status">
        {wrong ? wrongText : state === "refused" ? t("scan.refused") : state === "missing" ? t("scan.missing") : text}
      </p>
      <div className="dialog__foot">
        <Button onClick={onCancel}>{t("action.back")}</Button>
        <FileButton label={t("scan.picture")} onFile={readFile} />
      </div>
    </div>
  );
}

/** Each byte as the character of its number. */
const BINARY = { textDecoder: (bytes: Uint8Array) => String.fromCharCode(...bytes) };

function read(source: CanvasImageSource, width: number, height: number, binary: boolean): string | undefined {
  const scale = Math.min(1, READ_SIZE / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return undefined;
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  try {
    return decodeQR(context.getImageData(0, 0, canvas.width, canvas.height), binary ? BINARY : {});
  } catch {
    // No code in sight.
    return undefined;
  }
}
