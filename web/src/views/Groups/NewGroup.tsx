import { useEffect, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import type { Person } from "../../matrix/types.ts";
import { Switch } from "../../ui/controls.tsx";
import { PeoplePicker } from "../People/PeoplePicker.tsx";
import { type RoomAbout, RoomForm } from "./RoomForm.tsx";

interface NewGroupProps {
  /** The space that it is made in. */
  space?: { id: string; name: string };
  onClose: () => void;
}

export function NewGroup({ space, onClose }: NewGroupProps) {
  const t = useT();
  const account = useAccount();
  /** Absent until somebody chooses: then the server's default is shown. */
  const [encrypt, setEncrypt] = useState<boolean>();
  const byDefault = useEncryptionDefault();
  const encrypted = encrypt ?? byDefault;
  const [people, setPeople] = useState<readonly Person[]>([]);
  const create = async (about: RoomAbout) => {
    const invite = people.map(({ id }) => id);
    const roomId = await account.directory.createGroup({ ...about, invite, encrypted, space: space?.id });
    if (space !== undefined) await account.spaces.add(space.id, roomId);
    return { name: "room", roomId } as const;
  };
  return (
    <RoomForm
      title={space === undefined ? t("group.new.title") : t("space.newGroup", { name: space.name })}
      nameLabel={t("group.new.name")}
      action={t("group.new.create")}
      privateHint={space === undefined ? t("group.new.private.hint") : t("space.newGroup.hint", { name: space.name })}
      onCreate={create}
      onClose={onClose}
      after={(isPublic) => (
        <>
          {isPublic ? (
            <p className="notice">{t("encryption.group.public")}</p>
          ) : (
            <Switch
              label={t("encryption.group")}
              hint={t(encrypted ? "encryption.group.hint" : "encryption.group.off.hint")}
              checked={encrypted}
              onChange={setEncrypt}
            />
          )}
          <div className="new-group__people">
            <span className="field__label">{t("people.pick")}</span>
            <PeoplePicker picked={people} onChange={setPeople} />
          </div>
        </>
      )}
    />
  );
}

function useEncryptionDefault(): boolean {
  const { directory } = useAccount();
  const [on, setOn] = useState(true);
  useEffect(() => void directory.encryptsByDefault().then(setOn), [directory]);
  return on;
}
