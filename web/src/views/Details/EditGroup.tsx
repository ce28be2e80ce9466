import { type FormEvent, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { RoomDetails } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { FileButton } from "../../ui/FileButton.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

interface EditGroupProps {
  room: RoomHandle;
  details: RoomDetails;
  onClose: () => void;
}

export function EditGroup({ room, details, onClose }: EditGroupProps) {
  const t = useT();
  const { can, ownName } = details;
  const [name, setName] = useState(ownName);
  const [topic, setTopic] = useState(details.topic);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      if (can.rename && name.trim() !== ownName) await room.setName(name.trim());
      if (can.describe && topic.trim() !== details.topic) await room.setTopic(topic.trim());
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("details.edit")} onClose={onClose}>
      <form className="dialog__body" onSubmit={save}>
        {can.picture && (
          <div className="edit-group__picture">
            <Avatar id={details.colourId} name={details.name} picture={details.avatar} size="xl" square />
            <FileButton label={t("details.picture")} onFile={(file) => attempt(() => room.setPicture(file))} />
          </div>
        )}
        <Field label={t("details.name")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoComplete="off"
              maxLength={120}
              disabled={!can.rename}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label={t("details.topic")}>
          {(ids) => (
            <textarea
              {...ids}
              className="field__input"
              rows={3}
              maxLength={500}
              disabled={!can.describe}
              value={topic}
              onChange={(event) => setTopic(event.target.value)}
            />
          )}
        </Field>
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {t("action.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
