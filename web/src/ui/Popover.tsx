import {
  Composite,
  CompositeItem,
  CompositeTypeahead,
  Popover as Floating,
  useCompositeStore,
  usePopoverStore,
} from "@ariakit/react";
import { type ReactNode, useLayoutEffect } from "react";
import { flushSync } from "react-dom";

interface PopoverProps {
  /** What the popover belongs to; it stands below it, or above where there is no room. */
  anchor: Element;
  label: string;
  onClose: () => void;
  children: ReactNode;
}

const GAP = 6;
const MARGIN = 8;

/**
 * A layer beside what opened it, there as long as it is rendered. It takes the focus, gives it back, and closes with
 * Escape or a press outside.
 */
export function Popover({ anchor, label, onClose, children }: PopoverProps) {
  const store = usePopoverStore({
    open: true,
    setOpen: (open) => !open && onClose(),
    placement: "bottom-start",
  });
  useLayoutEffect(() => store.setAnchorElement(anchor as HTMLElement), [store, anchor]);
  return (
    <Floating
      store={store}
      portal
      fixed
      gutter={GAP}
      overflowPadding={MARGIN}
      flip="top-start bottom-end top-end"
      overlap
      aria-label={label}
      className="popover"
      // What opened it closes it by itself.
      hideOnInteractOutside={(event) => !(event.target instanceof Node && anchor.contains(event.target))}
      // A control in it that took the focus as it appeared keeps it.
      autoFocusOnShow={() => store.getState().contentElement?.contains(document.activeElement) !== true}
    >
      {children}
    </Floating>
  );
}

export interface MenuItem {
  label: string;
  icon: ReactNode;
  danger?: boolean;
  onSelect: () => void;
}

/** A list of actions: arrows, Home, End and the first letters of a name move through it. */
export function Menu({ label, items, onClose }: { label: string; items: readonly MenuItem[]; onClose: () => void }) {
  const store = useCompositeStore({ orientation: "vertical", focusLoop: true });
  return (
    <Composite
      store={store}
      role="menu"
      aria-label={label}
      aria-orientation="vertical"
      className="menu"
      render={<CompositeTypeahead store={store} />}
    >
      {items.map((item) => (
        <CompositeItem
          key={item.label}
          role="menuitem"
          className={item.danger === true ? "menu__item menu__item--danger" : "menu__item"}
          onClick={() => {
            // The menu has given the focus back before its action may take it.
            flushSync(onClose);
            item.onSelect();
          }}
        >
          {item.icon}
          {item.label}
        </CompositeItem>
      ))}
    </Composite>
  );
}
