import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { Dialog } from "../../ui/Dialog.tsx";
import { closePerson, shownPerson } from "../../viewmodels/person.ts";
import { PersonProfile } from "./PersonProfile.tsx";

interface PersonCardProps {
  userId: string;
  /** The conversation from which it was opened: it says what they are there. */
  roomId?: string;
  onClose: () => void;
}

/** Somebody's card over what is shown. */
export function PersonCard({ userId, roomId, onClose }: PersonCardProps) {
  const t = useT();
  const account = useAccount();
  return (
    <Dialog
      title={t(userId === account.userId ? "person.title.me" : "person.title")}
      onClose={onClose}
      className="person-card"
    >
      <div className="dialog__body">
        <PersonProfile userId={userId} roomId={roomId} onLeave={onClose} />
      </div>
    </Dialog>
  );
}

/** Shows the card that {@link openPerson} asks for. */
export function PersonCardHost() {
  const open = useReadable(shownPerson);
  if (open === undefined) return null;
  return <PersonCard key={open.userId} userId={open.userId} roomId={open.roomId} onClose={closePerson} />;
}
