import "./Ended.css";
import { ArrowRight, LogIn, Trash2 } from "lucide-react";
import { useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { router } from "../../base/router.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import type { Ending, RoomDetails } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

interface EndedProps {
  room: RoomHandle;
  details: RoomDetails;
}

/** In place of the composer, where a conversation has ended or has moved: why, and where to go. */
export function Ended({ room, details }: EndedProps) {
  const t = useT();
  const { ended, successor } = details;
  if (ended === undefined) return successor === undefined ? null : <Moved roomId={successor} />;
  return (
    <section className="ended" role="status">
      <p className="ended__text">{endingText(ended, t)}</p>
      {ended.reason !== undefined && (
        <p className="ended__reason" dir="auto">
          {t("ended.reason", { reason: ended.reason })}
        </p>
      )}
      <p className="ended__hint">{t("ended.history")}</p>
      <EndedActions room={room} details={details} ended={ended} />
    </section>
  );
}

function endingText({ how, by }: Ending, t: ReturnType<typeof useT>): string {
  if (how === "left" || by === undefined) return t(how === "banned" ? "ended.banned.unknown" : "ended.left");
  return t(how === "banned" ? "ended.banned" : "ended.removed", { name: by.name });
}

function EndedActions({ room, details, ended }: EndedProps & { ended: Ending }) {
  const t = useT();
  const account = useAccount();
  const [busy, setBusy] = useState<"forget" | "join">();
  const run = async (kind: "forget" | "join", action: () => Promise<unknown>) => {
    setBusy(kind);
    await attempt(action);
    setBusy(undefined);
  };
  const forget = () =>
    run("forget", async () => {
      await room.forget();
      router.go({ name: "chats" }, { replace: true });
    });
  return (
    <div className="ended__actions">
      <Button busy={busy === "forget"} onClick={() => void forget()}>
        <Trash2 aria-hidden />
        {t("ended.forget")}
      </Button>
      {ended.how !== "banned" && details.public && (
        <Button
          kind="primary"
          busy={busy === "join"}
          onClick={() => void run("join", () => account.directory.join(details.id))}
        >
          <LogIn aria-hidden />
          {t("ended.rejoin")}
        </Button>
      )}
    </div>
  );
}

function Moved({ roomId }: { roomId: string }) {
  const t = useT();
  return (
    <section className="ended" role="status">
      <p className="ended__text">{t("successor.text")}</p>
      <Link className="button button--primary" to={{ name: "room", roomId }}>
        {t("successor.open")}
        <ArrowRight aria-hidden />
      </Link>
    </section>
  );
}
