import { Phone, PhoneOff } from "lucide-react";
import { useAccount, useT } from "../../base/hooks.ts";
import type { Translate } from "../../i18n/index.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallState } from "../../matrix/calls/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button } from "../../ui/controls.tsx";
import type { CallsModel } from "../../viewmodels/calls.ts";

/** How a call ended, in words. */
export function endText({ end }: CallState, name: string, t: Translate): string {
  if (end === undefined || end.how === "left") return t("call.ended.hung-up");
  if (end.how === "failed") return t(`call.failed.${end.problem}`);
  return t(`call.ended.${end.how}`, { name });
}

interface CallNoticeProps {
  session: CallSession;
  state: CallState;
  model: CallsModel;
}

/** What stands in the place of pictures while there are none: whom one calls, or how it ended. */
export function CallNotice({ session, state, model }: CallNoticeProps) {
  const t = useT();
  const conversation = useAccount().conversations.describe(session.roomId);
  const { name = "", avatar, colourId = session.roomId, direct = false } = conversation ?? {};
  const ended = state.phase === "ended";
  const failed = state.end?.how === "failed" || state.end?.how === "unanswered";
  return (
    <div className="call-notice" data-waiting={!ended}>
      <Avatar id={colourId} name={name} picture={avatar} size="xl" square={!direct} />
      <p className="call-notice__name">
        <bdi>{name}</bdi>
      </p>
      <p className="call-notice__text" role="status">
        {ended
          ? endText(state, name, t)
          : state.phase !== "connected"
            ? t(state.phase === "reconnecting" ? "call.reconnecting" : "call.connecting")
            : state.ringing
              ? t("call.calling", { name })
              : t("call.waiting")}
      </p>
      {ended && (
        <div className="call-notice__actions">
          {failed && (
            <Button
              kind="primary"
              onClick={() => {
                model.calls.dismiss(session);
                model.callNow(session.roomId, state.me.camera);
              }}
            >
              <Phone aria-hidden />
              {t("action.retry")}
            </Button>
          )}
          <Button onClick={() => model.calls.dismiss(session)}>
            <PhoneOff aria-hidden />
            {t("action.close")}
          </Button>
        </div>
      )}
    </div>
  );
}
