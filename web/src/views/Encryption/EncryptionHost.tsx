/** The dialogs about encryption, over whatever is shown: at most one at a time. */
import "./Encryption.css";
import { useEffect } from "react";
import { useAccount, useReadable } from "../../base/hooks.ts";
import type { Readable } from "../../lib/observable.ts";
import type { VerificationState } from "../../matrix/crypto/verification.ts";
import { closeEncryption, encryptionDialog } from "../../viewmodels/encryption.ts";
import { RecoverySetup } from "./RecoverySetup.tsx";
import { VerificationView } from "./VerificationView.tsx";
import { VerifyPerson } from "./VerifyPerson.tsx";
import { VerifySession } from "./VerifySession.tsx";

const NOTHING: Readable<VerificationState | undefined> = { get: () => undefined, subscribe: () => () => undefined };

export default function EncryptionHost() {
  const { encryption } = useAccount();
  const running = useReadable(encryption.verification);
  const step = useReadable(running?.state ?? NOTHING)?.step;
  const dialog = useReadable(encryptionDialog);
  // A comparison takes the place of the dialog in which it was begun; a request waits in its corner.
  const comparing = step !== undefined && step !== "asked";
  useEffect(() => {
    if (comparing) closeEncryption();
  }, [comparing]);
  return (
    <>
      {running !== undefined && <VerificationView verification={running} />}
      {!comparing && dialog?.kind === "recovery" && <RecoverySetup onClose={closeEncryption} />}
      {!comparing && dialog?.kind === "verify" && <VerifySession onClose={closeEncryption} />}
      {!comparing && dialog?.kind === "person" && <VerifyPerson userId={dialog.userId} onClose={closeEncryption} />}
    </>
  );
}
