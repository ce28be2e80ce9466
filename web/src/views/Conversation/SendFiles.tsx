import { File as FileIcon, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { isComposing } from "../../lib/keys.ts";
import { fileSize } from "../../lib/time.ts";
import { Button, IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

interface SendFilesProps {
  files: readonly File[];
  onSend: (files: readonly File[], captions: readonly string[]) => void;
  onClose: () => void;
}

/** Shows what is about to be sent, each file with its caption. */
export function SendFiles({ files, onSend, onClose }: SendFilesProps) {
  const t = useT();
  const [left, setLeft] = useState(files);
  const [captions, setCaptions] = useState<ReadonlyMap<File, string>>(new Map());
  const remove = (file: File) => {
    const others = left.filter((other) => other !== file);
    if (others.length === 0) onClose();
    else setLeft(others);
  };
  const send = () => {
    onSend(
      left,
      left.map((file) => captions.get(file) ?? ""),
    );
    onClose();
  };
  return (
    <Dialog title={t("composer.upload.title")} onClose={onClose}>
      <div className="dialog__body">
        <ul className="send-files">
          {left.map((file, index) => (
            <li key={`${file.name}-${index}`} className="send-files__item">
              <Preview file={file} />
              <span className="send-files__text">
                <span className="send-files__name">
                  <span className="ellipsis">{file.name}</span>
                  <span className="send-files__size">{fileSize(file.size, t.locale)}</span>
                </span>
                <input
                  className="send-files__caption"
                  aria-label={t("composer.caption", { name: file.name })}
                  placeholder={t("composer.caption.placeholder")}
                  dir="auto"
                  value={captions.get(file) ?? ""}
                  onChange={(event) => setCaptions(new Map(captions).set(file, event.target.value))}
                  onKeyDown={(event) => {
                    if (event.key === "Enter" && !isComposing(event.nativeEvent)) send();
                  }}
                />
              </span>
              {left.length > 1 && (
                <IconButton label={t("composer.file.remove", { name: file.name })} onClick={() => remove(file)}>
                  <X />
                </IconButton>
              )}
            </li>
          ))}
        </ul>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" autoFocus onClick={send}>
            {t.count("composer.upload", left.length)}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

function Preview({ file }: { file: File }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!file.type.startsWith("image/")) return;
    const created = URL.createObjectURL(file);
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [file]);
  return (
    <span className="send-files__preview">
      {url === undefined ? <FileIcon aria-hidden /> : <img src={url} alt="" onError={() => setUrl(undefined)} />}
    </span>
  );
}
