import { Ban, Crown, Ellipsis, MicOff, Shield, User, UserMinus } from "lucide-react";
import { useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { POWER } from "../../lib/powers.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Member } from "../../matrix/types.ts";
import { MenuButton } from "../../ui/MenuButton.tsx";
import type { MenuItem } from "../../ui/Popover.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { ReasonDialog } from "../Conversation/ReasonDialog.tsx";

/** What administrators may do with a member; nothing where they may do nothing. */
export function MemberMenu({ room, member }: { room: RoomHandle; member: Member }) {
  const t = useT();
  const me = useAccount().userId;
  const { administration } = room;
  const rules = useReadable(administration.rules);
  const [asking, setAsking] = useState<"remove" | "ban">();
  const power = rules.powers[member.id] ?? 0;
  // Nobody changes those who have as much power as they have themselves.
  if (member.id === me || power >= rules.power) return null;
  const muted = rules.muted.includes(member.id);
  const role = (given: keyof typeof POWER) => () => void attempt(() => administration.setRole(member.id, given));
  const items: MenuItem[] = [];
  if (rules.can.roles && member.membership === "join") {
    if (power < POWER.admin && rules.power >= POWER.admin)
      items.push({ label: t("member.makeAdmin"), icon: <Crown />, onSelect: role("admin") });
    if (power !== POWER.moderator && rules.power >= POWER.moderator)
      items.push({ label: t("member.makeModerator"), icon: <Shield />, onSelect: role("moderator") });
    if (power > 0 || muted)
      items.push({ label: t(muted ? "member.unmute" : "member.makeMember"), icon: <User />, onSelect: role("member") });
    if (!muted && power === 0)
      items.push({ label: t("member.mute"), icon: <MicOff />, danger: true, onSelect: role("muted") });
  }
  const ask = (what: "remove" | "ban") => () => setTimeout(() => setAsking(what), 0);
  if (rules.can.remove)
    items.push({ label: t("member.remove"), icon: <UserMinus />, danger: true, onSelect: ask("remove") });
  if (rules.can.ban) items.push({ label: t("member.ban"), icon: <Ban />, danger: true, onSelect: ask("ban") });
  if (items.length === 0) return null;
  const label = t("member.menu", { name: member.name });
  return (
    <>
      <MenuButton label={label} icon={<Ellipsis />} items={items} />
      {asking !== undefined && (
        <ReasonDialog
          title={t(asking === "ban" ? "member.ban.title" : "details.remove.title", { name: member.name })}
          text={t(asking === "ban" ? "member.ban.text" : "details.remove.text")}
          label={t("member.reason")}
          action={t(asking === "ban" ? "member.ban" : "member.remove")}
          onSubmit={(reason) => administration[asking](member.id, reason)}
          onClose={() => setAsking(undefined)}
        />
      )}
    </>
  );
}
