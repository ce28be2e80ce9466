/** Begins to verify somebody, in the direct chat with them. Opened with `openEncryption({ kind: "person", userId })`. */
import { ShieldCheck } from "lucide-react";
import { useEffect, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import type { PersonTrust } from "../../matrix/crypto/trust.ts";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { useAttempt } from "./useAttempt.ts";

interface VerifyPersonProps {
  userId: string;
  onClose: () => void;
}

export function VerifyPerson({ userId, onClose }: VerifyPersonProps) {
  const t = useT();
  const account = useAccount();
  const { name } = account.person(userId);
  const [trust, setTrust] = useState<PersonTrust>();
  const { busy, problem, run } = useAttempt();
  useEffect(() => void account.encryption.trust.of(userId).then(setTrust), [account, userId]);
  const start = () =>
    run(async () => account.encryption.verifyPerson(userId, await account.directory.startDirect(userId)));
  return (
    <Dialog title={t("verify.person.title", { name })} onClose={onClose} className="encryption">
      <div className="dialog__body">
        <p className="encryption__text">{t("verify.person.text")}</p>
        {trust?.verified === true && (
          <p className="notice notice--good encryption__verified">
            <ShieldCheck aria-hidden />
            {t("verify.person.already", { name })}
          </p>
        )}
        {trust?.identity === false ? (
          <p className="notice">{t("problem.no-identity")}</p>
        ) : (
          <>
            <ProblemNotice problem={problem} />
            <Button kind="primary" wide busy={busy || trust === undefined} onClick={() => void start()}>
              {t("verify.person.start")}
            </Button>
          </>
        )}
      </div>
    </Dialog>
  );
}
