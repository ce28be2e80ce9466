import { useT } from "../../base/hooks.ts";
import { pathOf } from "../../base/router.ts";
import type { RoomDetails } from "../../matrix/types.ts";
import { CodeDialog } from "../People/CodeDialog.tsx";

/** The link of a group. It lets nobody in whom the rules of the group do not. */
export default function GroupCode({ details, onClose }: { details: RoomDetails; onClose: () => void }) {
  const t = useT();
  const { id, name, avatar, colourId, alias, memberCount } = details;
  return (
    <CodeDialog
      title={t("details.code")}
      who={{ id: colourId, name, avatar, detail: alias ?? t.count("details.members", memberCount), square: true }}
      link={window.location.origin + pathOf({ name: "room", roomId: alias ?? id })}
      linkTitle={name}
      image={t("details.code.image")}
      text={t(details.public ? "details.code.public" : "details.code.private")}
      onClose={onClose}
    />
  );
}
