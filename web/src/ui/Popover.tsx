import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useEscape } from "../app/hooks.ts";

interface PopoverProps {
  /** What the popover belongs to; it stands below it, or above where there is no room. */
  anchor: Element;
  label: string;
  onClose: () => void;
  children: ReactNode;
}

const GAP = 6;
const MARGIN = 8;

export function Popover({ anchor, label, onClose, children }: PopoverProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<{ left: number; top: number }>();
  useEscape(true, onClose);
  useLayoutEffect(() => {
    const box = ref.current?.getBoundingClientRect();
    if (box !== undefined) setPlace(placeFor(anchor.getBoundingClientRect(), box));
    const first = ref.current?.querySelector<HTMLElement>("[data-autofocus], button, input");
    first?.focus({ preventScroll: true });
    return () => {
      if (anchor instanceof HTMLElement && ref.current?.contains(document.activeElement))
        anchor.focus({ preventScroll: true });
    };
  }, [anchor]);
  useEffect(() => {
    const outside = (event: PointerEvent) => {
      const target = event.target as Node;
      if (ref.current?.contains(target) !== true && !anchor.contains(target)) onClose();
    };
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("resize", onClose);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("resize", onClose);
    };
  }, [anchor, onClose]);
  return createPortal(
    <div
      ref={ref}
      role="dialog"
      aria-label={label}
      className="popover"
      style={place === undefined ? { visibility: "hidden" } : place}
    >
      {children}
    </div>,
    document.body,
  );
}

function placeFor(anchor: DOMRect, box: DOMRect): { left: number; top: number } {
  const below = anchor.bottom + GAP;
  const above = anchor.top - GAP - box.height;
  const top = below + box.height <= window.innerHeight - MARGIN || above < MARGIN ? below : above;
  // Aligned with the nearer edge of the anchor, inside of the window.
  const left = anchor.left + box.width <= window.innerWidth - MARGIN ? anchor.left : anchor.right - box.width;
  return {
    left: Math.max(MARGIN, Math.min(left, window.innerWidth - box.width - MARGIN)),
    top: Math.max(MARGIN, Math.min(top, window.innerHeight - box.height - MARGIN)),
  };
}

export interface MenuItem {
  label: string;
  icon: ReactNode;
  danger?: boolean;
  onSelect: () => void;
}

/** A list of actions; arrows move through it. */
export function Menu({ label, items, onClose }: { label: string; items: readonly MenuItem[]; onClose: () => void }) {
  return (
    <div role="menu" aria-label={label} className="menu" onKeyDown={moveFocus}>
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          className={item.danger === true ? "menu__item menu__item--danger" : "menu__item"}
          onClick={() => {
            onClose();
            item.onSelect();
          }}
        >
          {item.icon}
          {item.label}
        </button>
      ))}
    </div>
  );
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=menuitem]")];
  const index = items.indexOf(document.activeElement as HTMLElement);
  items[(index + step + items.length) % items.length]?.focus();
}
