import { type ReactNode, useRef, useState } from "react";
import { IconButton } from "./controls.tsx";
import { Menu, type MenuItem, Popover } from "./Popover.tsx";

interface MenuButtonProps {
  label: string;
  icon: ReactNode;
  items: readonly MenuItem[];
  className?: string;
}

/** An icon that opens a menu of actions. */
export function MenuButton({ label, icon, items, className }: MenuButtonProps) {
  const anchor = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const [close] = useState(() => () => setOpen(false));
  return (
    <>
      <IconButton
        ref={anchor}
        label={label}
        className={className}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {icon}
      </IconButton>
      {open && anchor.current !== null && (
        <Popover anchor={anchor.current} label={label} onClose={close}>
          <Menu label={label} items={items} onClose={close} />
        </Popover>
      )}
    </>
  );
}
