import { CircleAlert, File as FileIcon, RotateCw, X } from "lucide-react";
import { useReadable, useT } from "../../app/hooks.ts";
import { problemText } from "../../lib/problem.ts";
import { fileSize } from "../../lib/time.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { Upload, Uploads } from "../../viewmodels/uploads.ts";

/** Files on their way, above the composer. */
export function UploadList({ uploads }: { uploads: Uploads }) {
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
  const { id, name, size, preview, progress, problem } = upload;
  const percent = new Intl.NumberFormat(t.locale, { style: "percent" }).format(progress);
  return (
    <li className="upload">
      <span className="upload__preview">
        {problem !== undefined ? (
          <CircleAlert aria-hidden />
        ) : preview === undefined ? (
          <FileIcon aria-hidden />
        ) : (
          <img src={preview} alt="" />
        )}
      </span>
      <span className="upload__text">
        <span className="ellipsis">{name}</span>
        {problem === undefined ? (
          <>
            <span className="upload__detail">{`${percent} · ${fileSize(size, t.locale)}`}</span>
            <progress value={progress} max={1} aria-label={t("composer.upload.progress", { name, percent })} />
          </>
        ) : (
          <span className="upload__problem" role="alert">
            {`${t("composer.upload.failed")} ${problemText(problem, t)}`}
          </span>
        )}
      </span>
      {problem !== undefined && (
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
