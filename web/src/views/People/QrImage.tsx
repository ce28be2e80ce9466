import encodeQR from "qr";
import { useMemo } from "react";

interface QrImageProps {
  text: string;
  label: string;
  /** The text stands for bytes, each as the character of its number. */
  binary?: boolean;
}

const BINARY = {
  encoding: "byte",
  textEncoder: (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0)),
} as const;

/** A QR code. Black on white in both themes: many readers want it so. */
export function QrImage({ text, label, binary = false }: QrImageProps) {
  const { path, size } = useMemo(() => {
    const rows = encodeQR(text, "raw", { border: 2, ...(binary ? BINARY : {}) });
    const squares = rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")));
    return { path: squares.join(""), size: rows.length };
  }, [text, binary]);
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
