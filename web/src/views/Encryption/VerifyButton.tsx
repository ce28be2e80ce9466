/** Beside a person: whether they are verified, and the way to it. */
import { ShieldCheck, ShieldQuestion } from "lucide-react";
import { useMemo } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Button } from "../../ui/controls.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";

export function VerifyButton({ userId }: { userId: string }) {
  const t = useT();
  const { encryption } = useAccount();
  const { engine } = useReadable(encryption.status);
  const verified = useReadable(useMemo(() => encryption.trust.verified(userId), [encryption, userId]));
  if (engine !== "ready") return null;
  return (
    <Button kind="text" onClick={() => openEncryption({ kind: "person", userId })}>
      {verified ? <ShieldCheck aria-hidden /> : <ShieldQuestion aria-hidden />}
      {t(verified ? "sessions.verified" : "verify.action")}
    </Button>
  );
}
