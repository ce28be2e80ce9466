import { type PointerEvent, type RefObject, useRef, useState } from "react";

/** Pixels after which a finger means it, and after which it is clear in which direction it goes. */
const FAR = 72;
const CLEAR = 10;
/** What is pulled follows the finger as far as this. */
const MOST = 110;

interface Swipes {
  /** To the left, and to the right; absent where there is nothing that way. */
  onLeft?: () => void;
  onRight?: () => void;
}

/**
 * A sideways swipe of a finger does something; the element follows it by the variable `--swipe`, and says by `data-swipe`
 * that letting go now would do it. Up and down, the list scrolls as always (`touch-action: pan-y`). What only a swipe
 * uncovers is drawn only where `swiped` is true: a list has many elements, and a swipe is about one.
 */
export function useSwipe(target: RefObject<HTMLElement | null>, { onLeft, onRight }: Swipes) {
  const [swiped, setSwiped] = useState(false);
  const start = useRef<{ x: number; y: number; id: number; sideways: boolean }>(undefined);
  const move = (pulled: number) => {
    const element = target.current;
    if (element === null) return;
    if (pulled === 0) {
      element.style.removeProperty("--swipe");
      delete element.dataset.swipe;
      delete element.dataset.swiping;
      setSwiped(false);
      return;
    }
    setSwiped(true);
    element.style.setProperty("--swipe", `${pulled}px`);
    element.dataset.swiping = pulled < 0 ? "left" : "right";
    if (Math.abs(pulled) >= FAR) element.dataset.swipe = pulled < 0 ? "left" : "right";
    else delete element.dataset.swipe;
  };
  const end = () => {
    start.current = undefined;
    move(0);
  };
  const handlers = {
    onPointerDown({ pointerType, clientX: x, clientY: y, pointerId: id, target: touched }: PointerEvent) {
      // What is moved sideways itself keeps its gesture.
      const taken = touched instanceof Element && touched.closest("input, pre, [role=slider], audio, video") !== null;
      if (pointerType === "touch" && !taken) start.current = { x, y, id, sideways: false };
    },
    onPointerMove({ clientX, clientY, pointerId }: PointerEvent) {
      const from = start.current;
      if (from === undefined || from.id !== pointerId) return;
      const [dx, dy] = [clientX - from.x, clientY - from.y];
      if (!from.sideways && Math.abs(dy) > CLEAR) return end();
      from.sideways ||= Math.abs(dx) > CLEAR && Math.abs(dx) > 2 * Math.abs(dy);
      if (!from.sideways) return;
      const possible = dx < 0 ? onLeft !== undefined : onRight !== undefined;
      move(possible ? Math.max(-MOST, Math.min(MOST, dx)) : 0);
    },
    onPointerUp({ clientX, pointerId }: PointerEvent) {
      const from = start.current;
      end();
      if (from === undefined || from.id !== pointerId || !from.sideways) return;
      const dx = clientX - from.x;
      if (dx <= -FAR) onLeft?.();
      else if (dx >= FAR) onRight?.();
    },
    onPointerCancel: end,
  };
  return { swiped, handlers };
}

/** What several gestures of one element hear. */
export function together(...gestures: readonly object[]): Record<string, (event: never) => void> {
  const heard = new Map<string, ((event: never) => void)[]>();
  for (const gesture of gestures)
    for (const [name, handler] of Object.entries(gesture))
      if (name.startsWith("on")) heard.set(name, [...(heard.get(name) ?? []), handler as (event: never) => void]);
  return Object.fromEntries(
    [...heard].map(([name, handlers]) => [
      name,
      (event: never) => {
        for (const handler of handlers) handler(event);
      },
    ]),
  );
}
