import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { personLink } from "../../lib/personlink.ts";
import { CodeDialog } from "./CodeDialog.tsx";

/** One's own link. */
export function MyCode({ onClose }: { onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const profile = useReadable(account.profile);
  return (
    <CodeDialog
      title={t("people.code")}
      who={{ id: profile.id, name: profile.name, avatar: profile.avatar, detail: profile.id }}
      link={personLink(window.location.origin, account.userId)}
      linkTitle={t("people.link.title", { name: profile.name })}
      image={t("people.code.image")}
      text={t("people.code.text")}
      onClose={onClose}
    />
  );
}
