import { CircleAlert, Clock, File as FileIcon, RotateCw, X } from "lucide-react";
import { useEffect } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { problemText } from "../../lib/problem.ts";
import { fileSize } from "../../lib/time.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { Upload, Uploads } from "../../viewmodels/uploads.ts";
import { waitingText } from "./Trouble.tsx";

/** Files on their way, above the composer. */
export function UploadList({ uploads }: { uploads: Uploads }) {
  useEffect(() => uploads.watch(), [uploads]);
  const list = useReadable(uploads.list);
  if (list.length === 0) return null;
  return (
    <ul className="uploads">
      {list.map((upload) => (
        <UploadRow key={upload.id} upload={upload} uploads={uploads} />
      ))}
    </ul>
  );
}

function UploadRow({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const t = useT();
  const { id, name, preview, status, problem } = upload;
  const stopped = status === "failed" || status === "waiting";
  return (
    <li className="upload" data-status={status}>
      <span className="upload__preview">
        {status === "failed" ? (
          <CircleAlert aria-hidden />
        ) : preview === undefined ? (
          <FileIcon aria-hidden />
        ) : (
          <img src={preview} alt="" />
        )}
      </span>
      <span className="upload__text">
        <span className="ellipsis" dir="auto">
          {name}
        </span>
        {status === "failed" && problem !== undefined ? (
          <span className="upload__problem" role="alert">
            {`${t("composer.upload.failed")} ${problemText(problem, t)}`}
          </span>
        ) : status === "waiting" ? (
          <span className="upload__detail" role="status">
            <Clock aria-hidden />
            {waitingText(problem, t)}
          </span>
        ) : (
          <Progress upload={upload} uploads={uploads} />
        )}
      </span>
      {stopped && (
        <IconButton label={t("action.retry")} onClick={() => uploads.retry(id)}>
          <RotateCw />
        </IconButton>
      )}
      <IconButton label={t("composer.upload.cancel")} onClick={() => uploads.cancel(id)}>
        <X />
      </IconButton>
    </li>
  );
}

function Progress({ upload, uploads }: { upload: Upload; uploads: Uploads }) {
  const t = useT();
  const { id, name, size } = upload;
  const progress = useReadable(uploads.progress(id));
  const percent = new Intl.NumberFormat(t.locale, { style: "percent" }).format(progress);
  return (
    <>
      <span className="upload__detail">{`${percent} · ${fileSize(size, t.locale)}`}</span>
      <progress value={progress} max={1} aria-label={t("composer.upload.progress", { name, percent })} />
    </>
  );
}
