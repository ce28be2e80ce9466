/** Wheel, pinch, double click, drag and swipe on a picture. */
import { type MouseEvent, type PointerEvent, useEffect, useRef } from "react";
import { type Point, panBy, WHOLE, type Zoom, zoomAt } from "../../lib/zoom.ts";

/** How much one press of a button, or a double click, makes larger. */
export const STEP = 1.6;
const DOUBLE_CLICK = 2.5;
/** Pixels after which a movement is a swipe, and not a click that trembled. */
const SWIPE = 60;
const TREMBLE = 6;

interface Gestures {
  zoom: Zoom;
  onZoom: (zoom: Zoom) => void;
  onStep: (by: -1 | 1) => void;
  onClose: () => void;
}

export function useGestures(gestures: Gestures) {
  const stage = useRef<HTMLDivElement>(null);
  const latest = useRef(gestures);
  latest.current = gestures;
  const pointers = useRef(new Map<number, Point>());
  const travelled = useRef<Point>({ x: 0, y: 0 });

  useEffect(() => {
    const element = stage.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const { zoom, onZoom } = latest.current;
      // A pinch on a touch pad comes as a wheel with the control key, in small steps.
      const factor = Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002));
      onZoom(zoomAt(zoom, factor, fromMiddle(element, event), ...sizes(element)));
    };
    // React's own wheel listeners cannot keep the page from zooming.
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);

  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    if (pointers.current.size === 0) travelled.current = { x: 0, y: 0 };
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const before = pointers.current.get(event.pointerId);
    if (before === undefined) return;
    const now = { x: event.clientX, y: event.clientY };
    const by = { x: now.x - before.x, y: now.y - before.y };
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    travelled.current = { x: travelled.current.x + by.x, y: travelled.current.y + by.y };
    const { zoom, onZoom } = latest.current;
    const [picture, view] = sizes(event.currentTarget);
    if (other !== undefined) {
      const factor = distance(now, other) / Math.max(1, distance(before, other));
      const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 };
      onZoom(zoomAt(zoom, factor, fromMiddle(event.currentTarget, middle), picture, view));
    } else if (zoom.scale > 1) onZoom(panBy(zoom, by, picture, view));
  };
  const onPointerUp = (event: PointerEvent<HTMLDivElement>) => {
    const alone = pointers.current.size === 1;
    if (!pointers.current.delete(event.pointerId) || !alone) return;
    const { zoom, onStep, onClose } = latest.current;
    const { x, y } = travelled.current;
    if (zoom.scale > 1) return;
    if (Math.abs(x) > SWIPE && Math.abs(x) > Math.abs(y)) onStep(x > 0 ? -1 : 1);
    else if (y > SWIPE * 1.5 && event.pointerType === "touch") onClose();
    else if (Math.hypot(x, y) < TREMBLE && !onPicture(event)) onClose();
  };
  const onDoubleClick = (event: MouseEvent<HTMLDivElement>) => {
    const { zoom, onZoom } = latest.current;
    if (zoom.scale > 1) onZoom(WHOLE);
    else onZoom(zoomAt(zoom, DOUBLE_CLICK, fromMiddle(event.currentTarget, event), ...sizes(event.currentTarget)));
  };
  const onPointerCancel = (event: PointerEvent) => void pointers.current.delete(event.pointerId);
  return { ref: stage, onPointerDown, onPointerMove, onPointerUp, onPointerCancel, onDoubleClick };
}

/** Captured pointers name the stage as their target, so the place decides. */
function onPicture({ currentTarget, clientX, clientY }: PointerEvent<HTMLDivElement>): boolean {
  const box = currentTarget.querySelector("img")?.getBoundingClientRect();
  return (
    box !== undefined && clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom
  );
}

function fromMiddle(element: Element, { clientX, clientY }: { clientX: number; clientY: number }): Point {
  const box = element.getBoundingClientRect();
  return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
}

function sizes(stage: HTMLElement) {
  const image = stage.querySelector("img");
  const view = { width: stage.clientWidth, height: stage.clientHeight };
  return [{ width: image?.offsetWidth ?? 0, height: image?.offsetHeight ?? 0 }, view] as const;
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
