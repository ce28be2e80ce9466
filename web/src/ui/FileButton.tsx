import { useRef, useState } from "react";
import { Button } from "./controls.tsx";

interface FileButtonProps {
  label: string;
  onFile: (file: File) => Promise<unknown>;
}

/** Chooses a picture and shows that it is being uploaded. */
export function FileButton({ label, onFile }: FileButtonProps) {
  const picker = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const choose = async (file: File | undefined) => {
    if (file === undefined) return;
    setBusy(true);
    await onFile(file);
    setBusy(false);
  };
  return (
    <>
      <Button busy={busy} onClick={() => picker.current?.click()}>
        {label}
      </Button>
      <input
        ref={picker}
        type="file"
        accept="image/png,image/jpeg,image/gif,image/webp"
        hidden
        onChange={(event) => {
          void choose(event.target.files?.[0]);
          event.target.value = "";
        }}
      />
    </>
  );
}
