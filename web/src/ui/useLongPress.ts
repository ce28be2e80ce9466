import { type PointerEvent, type TouchEvent, useRef } from "react";

/** Milliseconds after which a touch is no tap any more. */
const LONG_PRESS = 450;

/** A long touch does what the context menu does where there is a mouse. */
export function useLongPress(onPress: () => void) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const pressed = useRef(false);
  const stop = () => clearTimeout(timer.current);
  return {
    onPointerDown(event: PointerEvent) {
      pressed.current = false;
      if (event.pointerType !== "touch") return;
      timer.current = setTimeout(() => {
        pressed.current = true;
        onPress();
      }, LONG_PRESS);
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onPointerMove: stop,
    /** The click that browsers make of it would close at once what has just been opened. */
    onTouchEnd(event: TouchEvent) {
      if (pressed.current && event.cancelable) event.preventDefault();
      pressed.current = false;
    },
  };
}
