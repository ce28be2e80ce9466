import { useEffect } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../base/hooks.ts";
import { router } from "../../base/router.ts";
import type { Calls } from "../../matrix/calls/calls.ts";
import { Confirm } from "../../ui/Dialog.tsx";
import { callsModel, watchRings } from "../../viewmodels/calls.ts";
import { CallBar } from "./CallBar.tsx";
import { CallWindow } from "./CallWindow.tsx";
import { PrejoinDialog } from "./Prejoin.tsx";
import { RingCards } from "./RingCards.tsx";
import { useCallKeys } from "./useCall.ts";
import type { CallSession } from "../../matrix/calls/session.ts";

/** The call over its conversation, what is decided before one joins, and what rings over everything. */
export function CallHost({ calls }: { calls: Calls }) {
  const t = useT();
  const account = useAccount();
  const model = callsModel(account, calls);
  const session = useReadable(calls.current);
  const prejoin = useReadable(model.prejoin);
  const switching = useReadable(model.switching);
  const covers = useCovers(calls);
  useEffect(() => watchRings(calls), [calls]);
  const other = session && account.conversations.describe(session.roomId);
  return (
    <>
      {session !== undefined && <Keys session={session} />}
      {session !== undefined && covers && <CallWindow key={session.roomId} session={session} model={model} />}
      {prejoin !== undefined && <PrejoinDialog prejoin={prejoin} model={model} />}
      {switching !== undefined && (
        <Confirm
          title={t("call.switch.title")}
          text={t("call.switch.text", { name: other?.name ?? "" })}
          action={t("call.switch.do")}
          kind="primary"
          onConfirm={() => model.callNow(switching.roomId, switching.video)}
          onClose={() => model.switching.set(undefined)}
        />
      )}
      <RingCards model={model} />
    </>
  );
}

/** The call that one is in, as a line on top of what is shown instead of it. */
export function CallBars({ calls, place }: { calls: Calls; place: "list" | "main" }) {
  const model = callsModel(useAccount(), calls);
  const session = useReadable(calls.current);
  const covers = useCovers(calls);
  const phone = usePhone();
  // Where list and conversation stand beside each other, one line is enough.
  if (session === undefined || covers || (place === "main" && !phone)) return null;
  return <CallBar session={session} model={model} />;
}

/** Whether the call is shown over its conversation. */
function useCovers(calls: Calls): boolean {
  const model = callsModel(useAccount(), calls);
  const session = useReadable(calls.current);
  const shape = useReadable(model.shape);
  const route = useReadable(router.route);
  return session !== undefined && shape !== "bar" && route.name === "room" && route.roomId === session.roomId;
}

function Keys({ session }: { session: CallSession }) {
  useCallKeys(session);
  return null;
}
