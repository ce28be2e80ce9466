import { useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { Encryption } from "../../matrix/crypto/encryption.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { app } from "../../viewmodels/app.ts";

const LOOK_AGAIN_MS = 500;

export function SignOut({ onClose }: { onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const losesKeys = useReadable(encryption.status).recovery !== "ready";
  const unsaved = useUnsavedKeys(encryption);
  const text = () => {
    if (losesKeys) return t("encryption.signOut.text");
    return unsaved > 0 ? t.count("encryption.signOut.unsaved", unsaved) : t("settings.signOut.text");
  };
  return (
    <Confirm
      title={t("settings.signOut.title")}
      text={text()}
      action={t(unsaved > 0 && !losesKeys ? "settings.signOut.anyway" : "settings.signOut")}
      onConfirm={() => void app.signOut()}
      onClose={onClose}
    />
  );
}

/** How many keys would go with this session; they are being saved while one looks. */
function useUnsavedKeys(encryption: Encryption): number {
  const [unsaved, setUnsaved] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const look = async () => {
      const count = await encryption.unsavedKeys().catch(() => 0);
      if (gone) return;
      setUnsaved(count);
      if (count > 0) timer = setTimeout(() => void look(), LOOK_AGAIN_MS);
    };
    void look();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [encryption]);
  return unsaved;
}
