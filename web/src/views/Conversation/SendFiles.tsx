import { File as FileIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { useT } from "../../app/hooks.ts";
import { fileSize } from "../../lib/time.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

interface SendFilesProps {
  files: readonly File[];
  onSend: () => void;
  onClose: () => void;
}

/** Shows what is about to be sent. */
export function SendFiles({ files, onSend, onClose }: SendFilesProps) {
  const t = useT();
  return (
    <Dialog title={t("composer.upload.title")} onClose={onClose}>
      <div className="dialog__body">
        <ul className="send-files">
          {files.map((file, index) => (
            <li key={`${file.name}-${index}`} className="send-files__item">
              <Preview file={file} />
              <span className="send-files__text">
                <span className="ellipsis">{file.name}</span>
                <span className="send-files__size">{fileSize(file.size, t.locale)}</span>
              </span>
            </li>
          ))}
        </ul>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button
            kind="primary"
            autoFocus
            onClick={() => {
              onSend();
              onClose();
            }}
          >
            {t.count("composer.upload", files.length)}
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
