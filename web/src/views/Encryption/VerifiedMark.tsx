import { ShieldCheck } from "lucide-react";
import { useMemo } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import "./Notices.css";

/** Beside the name of somebody whom one has verified. */
export function VerifiedMark({ userId }: { userId: string }) {
  const t = useT();
  const { encryption } = useAccount();
  const verified = useReadable(useMemo(() => encryption.trust.verified(userId), [encryption, userId]));
  if (!verified) return null;
  return <ShieldCheck className="verified-mark" role="img" aria-label={t("trust.mark")} />;
}
