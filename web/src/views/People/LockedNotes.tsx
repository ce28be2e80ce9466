/** Says why remarks, tags and stars are missing, and what to do. */
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Button } from "../../ui/controls.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";

export function LockedNotes() {
  const t = useT();
  const { contacts, encryption } = useAccount();
  const locked = useReadable(contacts.locked);
  const { engine, session } = useReadable(encryption.status);
  if (locked === undefined) return null;
  const verify = session === "unverified";
  return (
    <div className="notice locked-notes" role="status">
      <p>{t(locked !== "key" ? `people.locked.${locked}` : verify ? "people.locked" : "people.locked.key")}</p>
      {locked === "doubtful" && (
        <div>
          <Button kind="text" onClick={() => contacts.decide(true)}>
            {t("people.locked.take")}
          </Button>
          <Button kind="text" onClick={() => contacts.decide(false)}>
            {t("people.locked.discard")}
          </Button>
        </div>
      )}
      {locked === "key" && engine === "ready" && (
        <Button kind="text" onClick={() => openEncryption({ kind: "verify" })}>
          {t(verify ? "verify.action" : "verify.byKey")}
        </Button>
      )}
    </div>
  );
}
