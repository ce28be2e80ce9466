import { useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

export function BlockedDialog({ onClose }: { onClose: () => void }) {
  const t = useT();
  return (
    <Dialog title={t("people.blocked")} onClose={onClose}>
      <div className="dialog__body">
        <BlockedList />
      </div>
    </Dialog>
  );
}

/** The people from whom one sees nothing (spec: "Ignoring users"). */
export function BlockedList() {
  const t = useT();
  const account = useAccount();
  const blocked = useReadable(account.persons.blocked);
  if (blocked.length === 0) return <p className="person__quiet">{t("people.blocked.none")}</p>;
  return (
    <ul className="blocked">
      {blocked.map((userId) => (
        <BlockedRow key={userId} userId={userId} />
      ))}
    </ul>
  );
}

function BlockedRow({ userId }: { userId: string }) {
  const t = useT();
  const account = useAccount();
  useReadable(account.persons.profiles);
  const [busy, setBusy] = useState(false);
  useEffect(() => void account.persons.load(userId), [account, userId]);
  const { name, avatar } = account.persons.known(userId);
  const unblock = async () => {
    setBusy(true);
    await attempt(() => account.persons.unblock(userId));
    setBusy(false);
  };
  return (
    <li className="blocked__row">
      <Avatar id={userId} name={name} picture={avatar} />
      <span className="person-row__text">
        <bdi className="person-row__name ellipsis">{name}</bdi>
        <span className="person-row__detail ellipsis">{userId}</span>
      </span>
      <Button busy={busy} onClick={() => void unblock()} aria-label={`${t("person.unblock")}: ${name}`}>
        {t("person.unblock")}
      </Button>
    </li>
  );
}
