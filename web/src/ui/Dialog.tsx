import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { useT } from "../app/hooks.ts";
import { classes } from "../lib/classes.ts";
import { Button, IconButton } from "./controls.tsx";

interface DialogProps {
  title: string;
  onClose: () => void;
  className?: string;
  children: ReactNode;
  /** The title is spoken but not shown. */
  bare?: boolean;
}

/** A modal dialog of the browser: it traps the focus, closes with Escape, and gives the focus back. */
export function Dialog({ title, onClose, className, children, bare = false }: DialogProps) {
  const t = useT();
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={classes("dialog", className)}
      aria-labelledby={bare ? undefined : titleId}
      aria-label={bare ? title : undefined}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === ref.current && onClose()}
    >
      {!bare && (
        <header className="dialog__head">
          <h2 id={titleId} className="dialog__title">
            {title}
          </h2>
          <IconButton label={t("action.close")} onClick={onClose}>
            <X />
          </IconButton>
        </header>
      )}
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, text, action, onConfirm, onClose }: ConfirmProps) {
  const t = useT();
  return (
    <Dialog title={title} onClose={onClose} className="dialog--confirm">
      <div className="dialog__body">
        <p>{text}</p>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button
            kind="danger"
            onClick={() => {
              onConfirm();
              onClose();
            }}
          >
            {action}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
