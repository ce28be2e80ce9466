import { Maximize2, Mic, MicOff, PhoneOff } from "lucide-react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import { IconButton } from "../../ui/controls.tsx";
import type { CallsModel } from "../../viewmodels/calls.ts";
import { endText } from "./CallNotice.tsx";
import { useDuration } from "./useCall.ts";

interface CallBarProps {
  session: CallSession;
  model: CallsModel;
}

/** The call in one line, wherever one goes meanwhile. */
export function CallBar({ session, model }: CallBarProps) {
  const t = useT();
  const { conversations } = useAccount();
  const state = useReadable(session.state);
  const duration = useDuration(state.since);
  const { phase, me, maySpeak } = state;
  const name = conversations.describe(session.roomId)?.name ?? "";
  const ended = phase === "ended";
  const speaking = state.others.find((one) => one.speaking);
  return (
    <section className="call-bar" aria-label={t("call.title", { name })} data-phase={phase}>
      <button
        type="button"
        className="call-bar__who"
        title={t("call.enlarge")}
        onClick={() => model.show(session.roomId)}
      >
        <bdi className="call-bar__name ellipsis">{name}</bdi>
        <span className="call-bar__sub ellipsis">
          {ended
            ? endText(state, name, t)
            : phase === "connected"
              ? (speaking?.person.name ?? (state.ringing ? t("call.calling", { name }) : duration))
              : t(phase === "reconnecting" ? "call.reconnecting" : "call.connecting")}
        </span>
      </button>
      {!ended && maySpeak && (
        <IconButton
          label={t(me.microphone ? "call.mute" : "call.unmute")}
          aria-pressed={!me.microphone}
          onClick={() => void session.setMicrophone(!me.microphone)}
        >
          {me.microphone ? <Mic /> : <MicOff />}
        </IconButton>
      )}
      <IconButton label={t("call.enlarge")} className="call-bar__enlarge" onClick={() => model.show(session.roomId)}>
        <Maximize2 />
      </IconButton>
      <IconButton
        label={t(ended ? "action.close" : "call.hangup")}
        className="call-bar__end"
        onClick={() => void model.hangUp(session)}
      >
        <PhoneOff />
      </IconButton>
    </section>
  );
}
