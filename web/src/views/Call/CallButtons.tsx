import { Phone, PhoneCall, Video } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../base/hooks.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { IconButton } from "../../ui/controls.tsx";
import { MenuButton } from "../../ui/MenuButton.tsx";
import { callsModel } from "../../viewmodels/calls.ts";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import type { OfConversation } from "./slots.tsx";
import { useLiveCall } from "./useCall.ts";

/** Begins a call. Who may not is told why, and who may change that is asked. */
export function CallButtons({ calls, conversation }: OfConversation) {
  const t = useT();
  const phone = usePhone();
  const model = callsModel(useAccount(), calls);
  const { may } = useReadable(useMemo(() => calls.room(conversation.id), [calls, conversation.id]));
  const live = useLiveCall(calls);
  const [asking, setAsking] = useState<"voice" | "video">();
  if (conversation.membership !== "join" || conversation.partial === true) return null;
  if (live?.roomId === conversation.id)
    return (
      <IconButton label={t("call.return")} aria-pressed onClick={() => model.show(conversation.id)}>
        <PhoneCall />
      </IconButton>
    );
  const begin = (kind: "voice" | "video") => () => {
    if (may === "yes") model.call(conversation.id, kind === "video");
    else if (may === "allow") setAsking(kind);
    else showToast({ tone: "problem", message: { key: "call.forbidden" } });
  };
  const reason = may === "no" ? t("call.forbidden") : undefined;
  return (
    <>
      {phone ? (
        <MenuButton
          label={t("call.start")}
          icon={<Phone />}
          items={[
            { label: t("call.voice"), icon: <Phone />, onSelect: begin("voice") },
            { label: t("call.video"), icon: <Video />, onSelect: begin("video") },
          ]}
        />
      ) : (
        <>
          <CallButton label={t("call.voice")} reason={reason} onClick={begin("voice")}>
            <Phone />
          </CallButton>
          <CallButton label={t("call.video")} reason={reason} onClick={begin("video")}>
            <Video />
          </CallButton>
        </>
      )}
      {asking !== undefined && (
        <Confirm
          title={t("call.allow.title")}
          text={t("call.allow.text")}
          action={t("call.allow.do")}
          kind="primary"
          onConfirm={() => {
            void attempt(() => calls.allow(conversation.id)).then(
              (allowed) => allowed && model.call(conversation.id, asking === "video"),
            );
          }}
          onClose={() => setAsking(undefined)}
        />
      )}
    </>
  );
}

interface CallButtonProps {
  label: string;
  /** Why it does nothing. */
  reason: string | undefined;
  onClick: () => void;
  children: ReactNode;
}

function CallButton({ label, reason, onClick, children }: CallButtonProps) {
  const said = reason === undefined ? label : `${label}: ${reason}`;
  return (
    <IconButton label={said} aria-disabled={reason !== undefined} className="call-button" onClick={onClick}>
      {children}
    </IconButton>
  );
}
