/**
 * Where a timeline is scrolled to. At the bottom it stays at the bottom; anywhere else the message at the top edge
 * stays where it is, whatever is added above or below it or changes its height.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ConversationModel, ConversationSnapshot } from "../../viewmodels/conversation.ts";

/** Pixels from an end at which the next page is asked for. */
const LOAD_AHEAD = 900;
/** Pixels from the end that still count as being there. */
const BOTTOM = 48;
const MARKED_FOR = 1600;

interface Position {
  /** Follow the newest message. */
  stick: boolean;
  anchor?: { key: string; offset: number };
  opened: boolean;
  jumped: number;
  lastKey?: string;
}

interface TimelineScroll {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  atBottom: boolean;
  toBottom: () => void;
}

export function useTimelineScroll(
  model: ConversationModel,
  snapshot: ConversationSnapshot,
  jump: { eventId: string; nonce: number } | undefined,
): TimelineScroll {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const position = useRef<Position>({ stick: true, opened: false, jumped: 0 });
  const [atBottom, setAtBottom] = useState(true);
  const latest = useRef(snapshot);
  latest.current = snapshot;

  const settle = useCallback(() => {
    const element = scroller.current;
    if (element === null || element.clientHeight === 0) return;
    restore(element, position.current);
    setAtBottom(position.current.stick);
    if (position.current.stick && document.hasFocus() && position.current.opened) model.seen();
    fetchMore(element, latest.current, model);
  }, [model]);

  useScrollListener(scroller, position, latest, model, setAtBottom);
  useResize(scroller, content, settle);
  useAttention(model, position);

  useLayoutEffect(() => {
    const element = scroller.current;
    const { rows, loading } = snapshot;
    if (element === null) return;
    const here = position.current;
    const last = rows.at(-1);
    // One's own message is always followed.
    if (
      here.opened &&
      last?.type === "message" &&
      last.key !== here.lastKey &&
      last.event.own &&
      last.event.status !== "sent"
    ) {
      here.stick = true;
    }
    here.lastKey = last?.key;
    if (!here.opened && rows.length > 0 && !loading) {
      here.opened = true;
      openAt(element, here);
    }
    if (jump !== undefined && jump.nonce !== here.jumped)
      jumpTo(element, jump.eventId, here, () => (here.jumped = jump.nonce));
    settle();
  }, [snapshot, jump, settle]);

  const toBottom = () => {
    position.current.stick = true;
    void model.jumpToPresent().then(settle);
  };
  return { scroller, content, atBottom, toBottom };
}

/** Shows the first unread message where there is one, else the newest. */
function openAt(element: HTMLElement, position: Position): void {
  const line = element.querySelector<HTMLElement>("[data-unread]");
  if (line === null) return;
  element.scrollTop = line.offsetTop - element.clientHeight * 0.25;
  remember(element, position, false);
}

function jumpTo(element: HTMLElement, eventId: string, position: Position, done: () => void): void {
  const target = element.querySelector<HTMLElement>(`[data-event-id="${CSS.escape(eventId)}"]`);
  if (target === null) return;
  done();
  element.scrollTop = target.offsetTop - (element.clientHeight - target.offsetHeight) / 2;
  remember(element, position, false);
  target.classList.add("message--marked");
  setTimeout(() => target.classList.remove("message--marked"), MARKED_FOR);
}

function restore(element: HTMLElement, { stick, anchor }: Position): void {
  if (stick) {
    element.scrollTop = element.scrollHeight;
    return;
  }
  if (anchor === undefined) return;
  const target = element.querySelector<HTMLElement>(`[data-event="${CSS.escape(anchor.key)}"]`);
  if (target !== null) element.scrollTop = target.offsetTop - anchor.offset;
}

/** Notes what stands at the top edge, and whether this is the bottom. */
function remember(element: HTMLElement, position: Position, hasNewer: boolean): void {
  const { scrollTop, scrollHeight, clientHeight } = element;
  position.stick = !hasNewer && scrollHeight - scrollTop - clientHeight < BOTTOM;
  const target = firstBelow(element.querySelectorAll<HTMLElement>("[data-event]"), scrollTop);
  position.anchor = target && { key: target.dataset.event ?? "", offset: target.offsetTop - scrollTop };
}

/** The first row whose end lies below a height, by bisection. */
function firstBelow(rows: NodeListOf<HTMLElement>, height: number): HTMLElement | undefined {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row !== undefined && row.offsetTop + row.offsetHeight > height) high = middle;
    else low = middle + 1;
  }
  return rows[low];
}

function fetchMore(element: HTMLElement, snapshot: ConversationSnapshot, model: ConversationModel): void {
  if (snapshot.loading || snapshot.failed) return;
  const { scrollTop, scrollHeight, clientHeight } = element;
  if (snapshot.hasOlder && scrollTop < LOAD_AHEAD) model.loadOlder();
  else if (snapshot.hasNewer && scrollHeight - scrollTop - clientHeight < LOAD_AHEAD) model.loadNewer();
}

function useScrollListener(
  scroller: RefObject<HTMLDivElement | null>,
  position: RefObject<Position>,
  latest: RefObject<ConversationSnapshot>,
  model: ConversationModel,
  setAtBottom: (atBottom: boolean) => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = () => {
      if (!position.current.opened) return;
      remember(element, position.current, latest.current.hasNewer);
      setAtBottom(position.current.stick);
      if (position.current.stick && document.hasFocus()) model.seen();
      fetchMore(element, latest.current, model);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [scroller, position, latest, model, setAtBottom]);
}

/** The composer grows, pictures arrive, the window changes: the position stays. */
function useResize(
  scroller: RefObject<HTMLDivElement | null>,
  content: RefObject<HTMLDivElement | null>,
  settle: () => void,
): void {
  useEffect(() => {
    const observer = new ResizeObserver(settle);
    if (scroller.current !== null) observer.observe(scroller.current);
    if (content.current !== null) observer.observe(content.current);
    return () => observer.disconnect();
  }, [scroller, content, settle]);
}

/** Reading ends when the window loses the focus, and goes on when it has it again. */
function useAttention(model: ConversationModel, position: RefObject<Position>): void {
  useEffect(() => {
    const onFocus = () => {
      if (position.current.stick) model.seen();
    };
    const onBlur = () => model.lookedAway();
    window.addEventListener("focus", onFocus);
    window.addEventListener("blur", onBlur);
    return () => {
      window.removeEventListener("focus", onFocus);
      window.removeEventListener("blur", onBlur);
    };
  }, [model, position]);
}
