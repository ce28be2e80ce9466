/**
 * Where a timeline is scrolled to. It opens at the first unread message. At the bottom it stays at the bottom; anywhere else
 * the message at the top edge stays where it is, whatever is added above or below it or changes its height. What has come
 * into view while somebody is looking has been read.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { ConversationModel, ConversationSnapshot } from "../../viewmodels/conversation.ts";
import { type LeftAt, leave, leftAt } from "../../viewmodels/positions.ts";

/** Pixels from an end at which the next page is asked for. */
const LOAD_AHEAD = 900;
/** Pixels from the end that still count as being there. */
const BOTTOM = 48;
const MARKED_FOR = 2400;

interface Position {
  /** Follow the newest message. */
  stick: boolean;
  /** Where the end was when it was last followed. */
  followed?: { height: number; top: number };
  /** Somebody asked for the newest, which is not there yet. */
  bound?: boolean;
  anchor?: { key: string; offset: number };
  /** The event that was jumped to: it stays in the middle while more is loaded around it, until somebody scrolls. */
  centred?: string;
  opened: boolean;
  visit: number;
  jumped: number;
  lastKey?: string;
}

interface TimelineScroll {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  atBottom: boolean;
  toBottom: () => void;
  /** The event that has just been jumped to. */
  marked: string | undefined;
}

export function useTimelineScroll(
  model: ConversationModel,
  snapshot: ConversationSnapshot,
  jump: { eventId: string; nonce: number } | undefined,
  /** Whether all rows are drawn. */
  whole: boolean,
): TimelineScroll {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [start] = useState(() => startOf(model, snapshot));
  const position = useRef<Position>(start);
  const [atBottom, setAtBottom] = useState(start.stick);
  const [marked, setMarked] = useState<string>();
  const latest = useRef(snapshot);
  // While rows are still to be drawn, what is loaded is enough.
  latest.current = whole ? snapshot : { ...snapshot, loading: true };

  const settle = useCallback(() => {
    const element = scroller.current;
    if (element === null || element.clientHeight === 0) return;
    if (position.current.stick && !document.hasFocus()) holdAtLine(element, position.current);
    restore(element, position.current);
    setAtBottom(position.current.stick);
    look(element, position.current, latest.current, model);
    fetchMore(element, latest.current, model);
  }, [model]);

  useScrollListener(scroller, position, latest, model, setAtBottom);
  useResize(scroller, content, settle);
  useAttention(model, settle);
  useHands(scroller, position);
  // Where one is when one goes is where one comes back to.
  useLayoutEffect(() => {
    const element = scroller.current;
    return () => leave(model.draftKey, placeOf(element, position.current));
  }, [model]);
  useEffect(() => model.locate(() => eventInSight(scroller.current)), [model]);
  useLeaving(model, scroller, position, latest);
  useEffect(() => {
    if (marked === undefined) return;
    const timer = setTimeout(() => setMarked(undefined), MARKED_FOR);
    return () => clearTimeout(timer);
  }, [marked]);

  useLayoutEffect(() => {
    const element = scroller.current;
    const { rows, loading } = snapshot;
    if (element === null) return;
    const here = position.current;
    if (here.visit !== snapshot.visit) Object.assign(here, { visit: snapshot.visit, opened: false, stick: true });
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
      here.centred = undefined;
    }
    here.lastKey = last?.key;
    if (!here.opened && rows.length > 0 && !loading) {
      here.opened = true;
      openAt(element, here, snapshot.hasNewer);
      const left = jump === undefined ? leftAt(model.draftKey) : undefined;
      if (left !== undefined && rowOf(element, left.eventId) !== null) {
        here.stick = false;
        here.anchor = { key: left.key, offset: left.offset };
      }
    }
    if (jump !== undefined && jump.nonce !== here.jumped && rowOf(element, jump.eventId) !== null) {
      here.jumped = jump.nonce;
      here.stick = false;
      here.centred = jump.eventId;
      setMarked(jump.eventId);
    }
    settle();
  }, [snapshot, jump, whole, settle]);

  const toBottom = () => {
    Object.assign(position.current, { stick: true, centred: undefined, bound: true });
    // The newest rows come a frame or more after they are loaded; what scrolls until then decides nothing.
    void model.jumpToPresent().then(settle, settle);
  };
  return { scroller, content, atBottom, toBottom, marked };
}

/** Where the conversation was left, if it was not at its end. */
function startOf(model: ConversationModel, { visit }: ConversationSnapshot): Position {
  const { place } = model;
  if (place === undefined) return { stick: true, opened: false, visit: 0, jumped: 0 };
  return { stick: false, anchor: place, opened: true, visit, jumped: 0 };
}

/** Notes where it is left. */
function useLeaving(
  model: ConversationModel,
  scroller: RefObject<HTMLDivElement | null>,
  position: RefObject<Position>,
  latest: RefObject<ConversationSnapshot>,
): void {
  useLayoutEffect(() => {
    const element = scroller.current;
    const here = position.current;
    return () => {
      if (element === null || !here.opened) return;
      // An event that was jumped to stays where it is by other means: by now it is a place like any other.
      if (here.centred !== undefined) remember(element, here, latest.current.hasNewer);
      model.place = here.stick ? undefined : here.anchor;
    };
  }, [model, scroller, position, latest]);
}

/** Shows the first unread message where there is one, else the newest. */
function openAt(element: HTMLElement, position: Position, hasNewer: boolean): void {
  const line = element.querySelector<HTMLElement>("[data-unread]");
  element.scrollTop = line === null ? element.scrollHeight : line.offsetTop - element.clientHeight * 0.25;
  remember(element, position, hasNewer);
}

/** What comes while nobody is looking is followed only as long as the first of it stays in sight. */
function holdAtLine(element: HTMLElement, position: Position): void {
  const line = element.querySelector<HTMLElement>("[data-unread]");
  if (line !== null && element.scrollHeight - line.offsetTop > element.clientHeight) openAt(element, position, false);
}

/** Says how far somebody who looks has come. */
function look(
  element: HTMLElement,
  position: Position,
  snapshot: ConversationSnapshot,
  model: ConversationModel,
): void {
  if (!position.opened || !document.hasFocus()) return;
  if (position.stick && !snapshot.hasNewer) {
    model.seen();
    return;
  }
  const rows = element.querySelectorAll<HTMLElement>("[data-event]");
  const below = firstBelow(rows, element.scrollTop + element.clientHeight);
  const index = below === undefined ? rows.length - 1 : [...rows].indexOf(below) - 1;
  const eventId = rows[index]?.dataset.eventId;
  if (eventId !== undefined) model.seen(eventId);
}

function rowOf(element: HTMLElement, eventId: string): HTMLElement | null {
  const id = CSS.escape(eventId);
  // Pictures of an album stand in one row.
  return element.querySelector<HTMLElement>(`[data-event-id="${id}"], [data-events~="${id}"]`);
}

/** The event in the middle of what is shown. */
function eventInSight(element: HTMLElement | null): string | undefined {
  if (element === null) return undefined;
  const rows = element.querySelectorAll<HTMLElement>("[data-event-id]");
  return firstBelow(rows, element.scrollTop + element.clientHeight / 2)?.dataset.eventId;
}

function placeOf(element: HTMLElement | null, { opened, stick, anchor }: Position): LeftAt | undefined {
  if (element === null || !opened || stick || anchor === undefined) return undefined;
  const row = element.querySelector<HTMLElement>(`[data-event="${CSS.escape(anchor.key)}"]`);
  const eventId = row?.dataset.eventId;
  return eventId === undefined ? undefined : { eventId, ...anchor };
}

function restore(element: HTMLElement, position: Position): void {
  const { stick, anchor, centred } = position;
  const middle = centred === undefined ? null : rowOf(element, centred);
  if (middle !== null) {
    // What is higher than the window begins at its top.
    element.scrollTop = middle.offsetTop - Math.max(16, (element.clientHeight - middle.offsetHeight) / 2);
    return;
  }
  if (stick) {
    element.scrollTop = element.scrollHeight;
    position.followed = { height: element.scrollHeight, top: element.scrollTop };
    return;
  }
  if (anchor === undefined) return;
  const target = element.querySelector<HTMLElement>(`[data-event="${CSS.escape(anchor.key)}"]`);
  if (target !== null) element.scrollTop = target.offsetTop - anchor.offset;
}

/** Notes what stands at the top edge, and whether this is the bottom. */
function remember(element: HTMLElement, position: Position, hasNewer: boolean): void {
  const { scrollTop } = element;
  position.stick = isAtBottom(element, hasNewer);
  const target = firstBelow(element.querySelectorAll<HTMLElement>("[data-event]"), scrollTop);
  position.anchor = target && { key: target.dataset.event ?? "", offset: target.offsetTop - scrollTop };
}

function isAtBottom({ scrollTop, scrollHeight, clientHeight }: HTMLElement, hasNewer: boolean): boolean {
  return !hasNewer && scrollHeight - scrollTop - clientHeight < BOTTOM;
}

/**
 * Whether the end that is followed has moved, rather than somebody away from it: what is below has grown, or whoever asked
 * for the newest is not there yet, since its rows are still to come or have just taken their true heights.
 */
function isOnItsWay(element: HTMLElement, { stick, followed, bound }: Position, hasNewer: boolean): boolean {
  if (!stick) return false;
  const { scrollHeight, scrollTop } = element;
  if (bound === true && (hasNewer || scrollHeight !== followed?.height)) return true;
  return followed !== undefined && scrollHeight > followed.height && scrollTop >= followed.top - 1;
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
      if (position.current.centred !== undefined) {
        setAtBottom(isAtBottom(element, latest.current.hasNewer));
        return;
      }
      if (isOnItsWay(element, position.current, latest.current.hasNewer)) {
        restore(element, position.current);
        return;
      }
      position.current.bound = false;
      remember(element, position.current, latest.current.hasNewer);
      setAtBottom(position.current.stick);
      // Whoever has come to the end by hand needs no way back; who is about to jump away from it does.
      const jump = model.jump.get();
      const leaves = model.isJumping || (jump !== undefined && jump.nonce !== position.current.jumped);
      if (position.current.stick && !leaves) model.forgetTrail();
      look(element, position.current, latest.current, model);
      fetchMore(element, latest.current, model);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [scroller, position, latest, model, setAtBottom]);
}

const SCROLL_KEYS = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);

/** Whoever scrolls by hand decides where the timeline stands from then on. */
function useHands(scroller: RefObject<HTMLDivElement | null>, position: RefObject<Position>): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const release = (event: Event) => {
      if (event instanceof KeyboardEvent && !SCROLL_KEYS.has(event.key)) return;
      position.current.centred = undefined;
      position.current.bound = false;
    };
    const events = ["wheel", "touchmove", "keydown", "mousedown"] as const;
    for (const name of events) element.addEventListener(name, release, { passive: true });
    return () => {
      for (const name of events) element.removeEventListener(name, release);
    };
  }, [scroller, position]);
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
function useAttention(model: ConversationModel, settle: () => void): void {
  useEffect(() => {
    const onBlur = () => model.lookedAway();
    window.addEventListener("focus", settle);
    window.addEventListener("blur", onBlur);
    return () => {
      window.removeEventListener("focus", settle);
      window.removeEventListener("blur", onBlur);
    };
  }, [model, settle]);
}
