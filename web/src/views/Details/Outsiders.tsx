import { Check, UserCheck, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Outsider } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { IconButton } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { ReasonDialog } from "../Conversation/ReasonDialog.tsx";
import "./GroupSettings.css";

interface OutsidersProps {
  room: RoomHandle;
  kind: "requests" | "banned";
}

/** People who ask to be let in, or who are kept out. */
export function Outsiders({ room, kind }: OutsidersProps) {
  const t = useT();
  const { administration } = room;
  const rules = useReadable(administration.rules);
  const [refused, setRefused] = useState<Outsider>();
  useEffect(() => void attempt(() => room.loadMembers()), [room]);
  const people = rules[kind];
  if (people.length === 0)
    return <p className="drawer__none">{t(kind === "requests" ? "requests.none" : "banned.none")}</p>;
  return (
    <ul className="drawer__list" aria-label={t(kind === "requests" ? "requests.title" : "banned.title")}>
      {people.map((person) => (
        <li key={person.id} className="outsider">
          <Avatar id={person.id} name={person.name} picture={person.avatar} />
          <span className="outsider__text">
            <bdi className="ellipsis" title={person.id}>
              {person.name}
            </bdi>
            {person.by !== undefined && <span className="outsider__reason">{t("banned.by", { name: person.by })}</span>}
            {person.reason !== undefined && (
              <span className="outsider__reason" dir="auto">
                {person.reason}
              </span>
            )}
          </span>
          {kind === "banned" && rules.can.ban && (
            <IconButton
              label={t("banned.lift", { name: person.name })}
              onClick={() => void attempt(() => administration.unban(person.id))}
            >
              <UserCheck />
            </IconButton>
          )}
          {kind === "requests" && rules.can.admit && (
            <IconButton
              label={t("requests.accept", { name: person.name })}
              onClick={() => void attempt(() => administration.admit(person.id))}
            >
              <Check />
            </IconButton>
          )}
          {kind === "requests" && rules.can.remove && (
            <IconButton label={t("requests.refuse", { name: person.name })} onClick={() => setRefused(person)}>
              <X />
            </IconButton>
          )}
        </li>
      ))}
      {refused !== undefined && (
        <ReasonDialog
          title={t("requests.refuse.title", { name: refused.name })}
          text={t("requests.refuse.text")}
          label={t("member.reason")}
          action={t("requests.refuse.action")}
          onSubmit={(reason) => administration.remove(refused.id, reason)}
          onClose={() => setRefused(undefined)}
        />
      )}
    </ul>
  );
}
