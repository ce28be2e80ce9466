import { useEffect, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { FileButton } from "../../ui/FileButton.tsx";
import { RoomForm } from "../Groups/RoomForm.tsx";

/** Makes a space; what it is to hold comes afterwards, in its home. */
export default function NewSpace({ onClose }: { onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const [picture, setPicture] = useState<File>();
  return (
    <RoomForm
      title={t("space.new")}
      nameLabel={t("space.new.name")}
      action={t("space.new.create")}
      privateHint={t("group.new.private.hint")}
      onCreate={async (about) => ({ name: "space", spaceId: await account.spaces.create({ ...about, picture }) })}
      onClose={onClose}
      before={
        <>
          <p>{t("space.new.text")}</p>
          <div className="edit-group__picture">
            <Chosen picture={picture} />
            <FileButton label={t("space.new.picture")} onFile={async (file) => setPicture(file)} />
          </div>
        </>
      }
    />
  );
}

function Chosen({ picture }: { picture: File | undefined }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (picture === undefined) return;
    const created = URL.createObjectURL(picture);
    setUrl(created);
    return () => {
      URL.revokeObjectURL(created);
      setUrl(undefined);
    };
  }, [picture]);
  if (url === undefined) return null;
  return (
    <span className="avatar avatar--square" data-size="xl" aria-hidden>
      <img src={url} alt="" />
    </span>
  );
}
