import { Mic, MicOff, Video, VideoOff } from "lucide-react";
import { useMemo, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import type { CallsModel, Prejoin } from "../../viewmodels/calls.ts";
import { DeviceSelect } from "./Devices.tsx";
import { type Preview, type PreviewChoice, usePreview } from "./usePreview.ts";

interface PrejoinDialogProps {
  prejoin: Prejoin;
  model: CallsModel;
}

/** Shows oneself as others will see one, before one joins the call of a group. */
export function PrejoinDialog({ prejoin, model }: PrejoinDialogProps) {
  const t = useT();
  const { roomId, video } = prejoin;
  const room = useReadable(useMemo(() => model.calls.room(roomId), [model, roomId]));
  const name = useAccount().conversations.describe(roomId)?.name ?? "";
  const [choice, setChoice] = useState<PreviewChoice>({ microphone: true, camera: video });
  const change = (part: Partial<PreviewChoice>) => setChoice((before) => ({ ...before, ...part }));
  const preview = usePreview(choice);
  const begins = room.people.length === 0;
  const close = () => model.prejoin.set(undefined);
  return (
    <Dialog title={t(begins ? "call.ready.alone" : "call.ready")} onClose={close} className="call-prejoin">
      <div className="dialog__body">
        <p className="call-prejoin__who">
          {t("call.title", { name })}
          <span>{begins ? t("call.ready.nobody") : t.count("call.in", room.people.length)}</span>
        </p>
        <OwnPicture preview={preview} choice={choice} onChange={change} />
        {(["microphone", "camera"] as const).map((kind) => {
          const problem = preview.problem[kind];
          return problem === undefined ? null : (
            <p key={kind} className="notice notice--problem" role="alert">
              {t(`call.${kind}.${problem}`)}
            </p>
          );
        })}
        <div className="call-prejoin__devices">
          <DeviceSelect
            kind="microphone"
            list={preview.devices.microphone}
            chosen={choice.microphoneId}
            onChoose={(microphoneId) => change({ microphoneId })}
          />
          <DeviceSelect
            kind="camera"
            list={preview.devices.camera}
            chosen={choice.cameraId}
            onChoose={(cameraId) => change({ cameraId })}
          />
        </div>
        <div className="dialog__foot">
          <Button onClick={close}>{t("action.cancel")}</Button>
          <Button
            kind="primary"
            onClick={() =>
              void model.join(roomId, {
                ...choice,
                // What could not be opened here is not asked for again.
                microphone: choice.microphone && preview.problem.microphone === undefined,
                camera: choice.camera && preview.problem.camera === undefined,
                ring: true,
              })
            }
          >
            {t(begins ? "call.ready.start" : "call.join")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

interface OwnPictureProps {
  preview: Preview;
  choice: PreviewChoice;
  onChange: (part: Partial<PreviewChoice>) => void;
}

function OwnPicture({ preview, choice, onChange }: OwnPictureProps) {
  const t = useT();
  const { picture, level } = preview;
  const me = useReadable(useAccount().profile);
  const attach = useMemo(
    () => (element: HTMLVideoElement | null) => {
      if (element !== null) element.srcObject = picture ?? null;
    },
    [picture],
  );
  const { microphone, camera } = choice;
  return (
    <div className="call-prejoin__picture">
      {picture === undefined ? (
        <div className="call-prejoin__off">
          <Avatar id={me.id} name={me.name} picture={me.avatar} size="l" />
          {!camera && <p>{t("call.preview.off")}</p>}
        </div>
      ) : (
        <video ref={attach} autoPlay playsInline muted aria-label={t("call.preview")} />
      )}
      <div className="call-prejoin__toggles">
        <IconButton
          className="call__toggle"
          data-off={!microphone}
          label={t(microphone ? "call.mute" : "call.unmute")}
          onClick={() => onChange({ microphone: !microphone })}
        >
          {microphone ? <Mic /> : <MicOff />}
        </IconButton>
        <IconButton
          className="call__toggle"
          data-off={!camera}
          label={t(camera ? "call.camera.off" : "call.camera.on")}
          onClick={() => onChange({ camera: !camera })}
        >
          {camera ? <Video /> : <VideoOff />}
        </IconButton>
      </div>
      {microphone && (
        <meter className="call-prejoin__level" aria-label={t("call.level")} min={0} max={1} value={level} />
      )}
    </div>
  );
}
