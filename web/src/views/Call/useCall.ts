/** What the views of calls share: the call that one is in, its events in words, the keys, the clock. */
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { isComposing } from "../../lib/keys.ts";
import { Observable } from "../../lib/observable.ts";
import { playTime } from "../../lib/time.ts";
import type { Calls } from "../../matrix/calls/calls.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallParticipant, CallState } from "../../matrix/calls/types.ts";

/** How long it is shown who has come or gone, in milliseconds. */
const NEWS_SHOWN = 4_000;

const NOTHING = new Observable<CallState | undefined>(undefined);

/** The call that this device takes part in, unless it is over. */
export function useLiveCall(calls: Calls): CallSession | undefined {
  const session = useReadable(calls.current);
  const state = useReadable<CallState | undefined>(session?.state ?? NOTHING);
  return state?.phase === "ended" ? undefined : session;
}

/** How long the call has lasted, as `12:05`. */
export function useDuration(since: number): string {
  const seconds = useSyncExternalStore(everySecond, () => Math.max(0, Math.floor((Date.now() - since) / 1000)));
  return playTime(seconds);
}

function everySecond(tell: () => void): () => void {
  const timer = setInterval(tell, 1000);
  return () => clearInterval(timer);
}

/** Says who has come, who has gone, and who has raised a hand, for a moment. */
export function useNews({ others, phase }: CallState): string {
  const t = useT();
  const before = useRef<readonly CallParticipant[] | undefined>(undefined);
  const [news, setNews] = useState("");
  useEffect(() => {
    if (phase !== "connected") return;
    const known = before.current;
    before.current = others;
    // Those who were there when one came are no news.
    if (known === undefined) return;
    const said = changes(known, others).map(({ what, name }) => t(`call.${what}`, { name }));
    if (said.length === 0) return;
    setNews(said.join(" · "));
  }, [others, phase, t]);
  // Apart from the above: who speaks changes those who are there all the time.
  useEffect(() => {
    if (news === "") return;
    const timer = setTimeout(() => setNews(""), NEWS_SHOWN);
    return () => clearTimeout(timer);
  }, [news]);
  return news;
}

function changes(before: readonly CallParticipant[], now: readonly CallParticipant[]) {
  const find = (list: readonly CallParticipant[], key: string) => list.find((one) => one.key === key);
  const name = ({ person }: CallParticipant) => person.name;
  return [
    ...now.filter(({ key }) => !find(before, key)).map((one) => ({ what: "joined" as const, name: name(one) })),
    ...before.filter(({ key }) => !find(now, key)).map((one) => ({ what: "left" as const, name: name(one) })),
    ...now
      .filter((one) => one.hand !== undefined && find(before, one.key)?.hand === undefined)
      .filter(({ key }) => find(before, key) !== undefined)
      .map((one) => ({ what: "raised" as const, name: name(one) })),
  ];
}

/** M and V while one is in a call and writes nothing. */
export function useCallKeys(session: CallSession): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.repeat || isComposing(event))
        return;
      if (event.defaultPrevented || !isFree(event.target)) return;
      const { me, phase, maySpeak } = session.state.get();
      if (phase === "ended" || !maySpeak) return;
      const key = event.key.toLowerCase();
      if (key === "m") void session.setMicrophone(!me.microphone);
      else if (key === "v") void session.setCamera(!me.camera);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [session]);
}

/** Nobody is writing, and no list is moved through by the first letters of its entries. */
function isFree(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return true;
  return target.closest("input, textarea, select, [contenteditable], [role=menu], [role=listbox], .dialog") === null;
}

/** Shows somebody's picture in a video element as long as there is one. */
export function useVideo(
  session: CallSession,
  key: string,
  source: "camera" | "screen",
  on: boolean,
): (element: HTMLVideoElement | null) => (() => void) | undefined {
  return useMemo(
    () => (element) => (element === null || !on ? undefined : session.show(key, source, element)),
    [session, key, source, on],
  );
}

/** Who has spoken last, other than oneself. */
export function useSpeaker(others: readonly CallParticipant[]): string | undefined {
  const last = useRef<string>(undefined);
  const speaking = others.find((one) => one.speaking)?.key;
  if (speaking !== undefined && others.find((one) => one.key === last.current)?.speaking !== true)
    last.current = speaking;
  return last.current;
}
