import { ChevronLeft, ChevronRight, Lock, LockOpen, Minimize2 } from "lucide-react";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useAccount, usePhone, useReadable, useT } from "../../base/hooks.ts";
import { type CallLayout, type CallLayoutChoice, layoutCall } from "../../lib/calllayout.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallState } from "../../matrix/calls/types.ts";
import { Button, IconButton } from "../../ui/controls.tsx";
import type { CallsModel } from "../../viewmodels/calls.ts";
import { startRinging } from "../../viewmodels/ringing.ts";
import { CallNotice } from "./CallNotice.tsx";
import { Controls } from "./Controls.tsx";
import { Stage } from "./Stage.tsx";
import { useDuration, useNews, useSpeaker } from "./useCall.ts";

interface CallWindowProps {
  session: CallSession;
  model: CallsModel;
}

export type Choice = Omit<CallLayoutChoice, "speaker">;

/** A call, over its conversation or beside it. */
export function CallWindow({ session, model }: CallWindowProps) {
  const t = useT();
  const phone = usePhone();
  const { conversations } = useAccount();
  const state = useReadable(session.state);
  const shape = useReadable(model.shape);
  const news = useNews(state);
  const speaker = useSpeaker(state.others);
  const [choice, setChoice] = useState<Choice>({ speakerView: false, page: 0 });
  const change = (part: Partial<Choice>) => setChoice((before) => ({ ...before, ...part }));
  const window = useRef<HTMLElement>(null);
  const covers = shape === "window" || phone;
  useCovering(covers);
  useRingback(state.ringing);
  useFocus(window);
  const name = conversations.describe(session.roomId)?.name ?? "";
  const layout = layoutCall(state.me, state.others, { ...choice, speaker });
  const empty = state.phase === "ended" || (state.others.length === 0 && !state.me.screen && layout.kind === "grid");
  return (
    <section
      ref={window}
      className="call"
      role={covers ? "main" : undefined}
      data-shape={phone ? "window" : shape}
      tabIndex={-1}
      aria-label={t(session.direct ? "call.with" : "call.title", { name })}
    >
      <header className="call__head">
        <IconButton label={t("call.minimise")} onClick={() => model.shape.set("bar")}>
          <Minimize2 />
        </IconButton>
        <div className="call__title">
          <h2 className="ellipsis">
            <bdi>{name}</bdi>
          </h2>
          <Status state={state} />
        </div>
        <Pages layout={layout} onPage={(page) => change({ page })} />
      </header>
      <div className="call__body">
        {empty ? (
          <>
            <CallNotice session={session} state={state} model={model} />
            {state.phase !== "ended" && state.me.camera && (
              <Stage session={session} layout={ownAlone(layout)} choice={choice} onChoice={change} reactions={[]} />
            )}
          </>
        ) : (
          <Stage session={session} layout={layout} choice={choice} onChoice={change} reactions={state.reactions} />
        )}
        <p className="call__news" role="status" data-shown={news !== ""}>
          {news}
        </p>
      </div>
      <Problems session={session} state={state} />
      {state.phase !== "ended" && (
        <Controls session={session} state={state} model={model} choice={choice} onChoice={change} />
      )}
    </section>
  );
}

/** While nobody else is there, one's own picture is as small as it will be. */
function ownAlone(layout: CallLayout): CallLayout {
  return { kind: "pair", tiles: [], own: layout.tiles[0], page: 0, pages: 1 };
}

function Status({ state }: { state: CallState }) {
  const t = useT();
  const duration = useDuration(state.since);
  if (state.phase === "ended") return null;
  if (state.phase === "reconnecting") return <span className="call__status">{t("call.reconnecting")}</span>;
  return (
    <span className="call__status">
      {state.phase === "connected" && (
        <span className="call__secure" title={t(state.encrypted ? "call.encrypted" : "call.unencrypted")}>
          {state.encrypted ? <Lock aria-hidden /> : <LockOpen aria-hidden />}
          {t(state.encrypted ? "call.encrypted" : "call.unencrypted")}
        </span>
      )}
      <time>{duration}</time>
    </span>
  );
}

function Pages({ layout, onPage }: { layout: CallLayout; onPage: (page: number) => void }) {
  const t = useT();
  const { page, pages } = layout;
  if (pages === 1) return null;
  return (
    <nav className="call__pages" aria-label={t("call.pages", { page: page + 1, pages })}>
      <IconButton label={t("call.page.previous")} disabled={page === 0} onClick={() => onPage(page - 1)}>
        <ChevronLeft />
      </IconButton>
      <span aria-hidden>
        {page + 1} / {pages}
      </span>
      <IconButton label={t("call.page.next")} disabled={page === pages - 1} onClick={() => onPage(page + 1)}>
        <ChevronRight />
      </IconButton>
    </nav>
  );
}

/** What keeps one from being heard, seen, or hearing, where it can be mended. */
function Problems({ session, state }: { session: CallSession; state: CallState }) {
  const t = useT();
  const kinds = (["microphone", "camera", "screen"] as const).filter((kind) => state.deviceProblem[kind] !== undefined);
  const listening = state.phase === "connected" && !state.maySpeak;
  if (state.phase === "ended" || (kinds.length === 0 && !state.silenced && !listening)) return null;
  return (
    <div className="call__problems" role="alert">
      {state.silenced && (
        <p>
          {t("call.silenced")}
          <Button kind="text" onClick={() => void session.playSound()}>
            {t("call.silenced.on")}
          </Button>
        </p>
      )}
      {listening && <p>{t("call.listenOnly")}</p>}
      {kinds.map((kind) => (
        <p key={kind}>{t(`call.${kind}.${state.deviceProblem[kind] ?? "unsupported"}`)}</p>
      ))}
    </div>
  );
}

/** What lies under the call is out of reach. */
function useCovering(covers: boolean): void {
  useLayoutEffect(() => {
    const under = document.querySelector("main.main");
    under?.toggleAttribute("inert", covers);
    return () => under?.removeAttribute("inert");
  }, [covers]);
}

function useRingback(ringing: boolean): void {
  useEffect(() => (ringing ? startRinging("outgoing") : undefined), [ringing]);
}

/** Who has begun a call goes on with it by the keyboard. */
function useFocus(window: RefObject<HTMLElement | null>): void {
  useEffect(() => window.current?.focus({ preventScroll: true }), [window]);
}
