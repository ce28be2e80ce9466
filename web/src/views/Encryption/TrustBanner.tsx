/** Says plainly, above where one writes, that somebody is not who they were; once, until it is taken back. */
import "./Notices.css";
import { ShieldAlert } from "lucide-react";
import { useMemo } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { TrustWarning } from "../../matrix/crypto/trust.ts";
import { Button } from "../../ui/controls.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";
import { openPerson } from "../../viewmodels/person.ts";
import { attempt } from "../../viewmodels/toasts.ts";

const ACCEPT = {
  "verified-changed": "trust.withdraw",
  changed: "trust.accept",
  sessions: "trust.sessions.accept",
} as const;

export function TrustBanner({ roomId }: { roomId: string }) {
  const { encryption } = useAccount();
  const source = useMemo(() => encryption.trust.warnings(roomId), [encryption, roomId]);
  const [first] = useReadable(source);
  return <div role="status">{first !== undefined && <Warning warning={first} roomId={roomId} />}</div>;
}

function Warning({ warning, roomId }: { warning: TrustWarning; roomId: string }) {
  const t = useT();
  const { encryption } = useAccount();
  const { person } = warning;
  const { name } = person;
  const text =
    warning.kind === "sessions"
      ? t.count("trust.sessions", warning.deviceIds.length, { name })
      : t(`trust.${warning.kind}`, { name });
  return (
    <div className="trust-banner" data-kind={warning.kind}>
      <ShieldAlert aria-hidden />
      <p>{text}</p>
      <div className="trust-banner__actions">
        {warning.kind === "sessions" ? (
          <Button kind="text" onClick={() => openPerson(person.id, roomId)}>
            {t("trust.person")}
          </Button>
        ) : (
          <Button kind="text" onClick={() => openEncryption({ kind: "person", userId: person.id })}>
            {t(warning.kind === "changed" ? "trust.verify" : "trust.verifyAgain")}
          </Button>
        )}
        <Button kind="text" onClick={() => void attempt(() => encryption.trust.accept(warning))}>
          {t(ACCEPT[warning.kind])}
        </Button>
      </div>
    </div>
  );
}
