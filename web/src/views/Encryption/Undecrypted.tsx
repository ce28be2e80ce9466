/** In the place of a message that cannot be read: why, and what helps. */
import { LockKeyhole } from "lucide-react";
import type { ReactNode } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { Person, Undecrypted as Why } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";

export function Undecrypted({ why, sender, meta }: { why: Why; sender: Person; meta: ReactNode }) {
  const t = useT();
  const { encryption } = useAccount();
  const { engine, session } = useReadable(encryption.status);
  // Where this session is verified, it is its owner whom the sender has not verified.
  const stranger = why === "withheld-unverified" && session === "verified" && sender.me !== true;
  const shown =
    why === "decrypting" && engine === "failed" ? "no-engine" : stranger ? ("withheld-stranger" as const) : why;
  const helps = (why === "history-unverified" || why === "withheld-unverified") && session === "unverified";
  return (
    <div className="bubble__text bubble__quiet">
      <LockKeyhole aria-hidden />
      {t(`undecrypted.${shown}`, { name: sender.name })}
      {stranger && (
        <>
          {" "}
          <Button kind="text" onClick={() => openEncryption({ kind: "person", userId: sender.id })}>
            {t("verify.action")}
          </Button>
        </>
      )}
      {helps && (
        <>
          {" "}
          <Button kind="text" onClick={() => openEncryption({ kind: "verify" })}>
            {t("verify.action")}
          </Button>
        </>
      )}
      {meta}
    </div>
  );
}
