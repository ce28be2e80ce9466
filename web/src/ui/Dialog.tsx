import { Dialog as Modal, DialogDismiss, DialogHeading, VisuallyHidden } from "@ariakit/react";
import { X } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { useT } from "../base/hooks.ts";
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

/**
 * A layer over everything else, there as long as it is rendered. The rest of the page is out of reach until it is
 * closed: by Escape, by a press beside it, or by what it offers. Then the focus returns to where it was.
 */
export function Dialog({ title, onClose, className, children, bare = false }: DialogProps) {
  const t = useT();
  const ref = useRef<HTMLDivElement>(null);
  return (
    <Modal
      ref={ref}
      open
      onClose={onClose}
      backdrop={<div className="dialog__backdrop" />}
      preventBodyScroll={false}
      className={classes("dialog", className)}
      aria-label={bare ? title : undefined}
      // A control in it that took the focus as it appeared keeps it.
      autoFocusOnShow={() => ref.current?.contains(document.activeElement) !== true}
      getPersistentElements={() => document.querySelectorAll(".toast")}
    >
      {!bare && (
        <div className="dialog__head">
          <DialogHeading className="dialog__title" render={<h2>{title}</h2>} />
          <IconButton label={t("action.close")} onClick={onClose} data-dialog-dismiss="">
            <X />
          </IconButton>
        </div>
      )}
      {children}
      {bare && (
        // People who hear the page and cannot press Escape need a way out, too.
        <VisuallyHidden>
          <DialogDismiss tabIndex={-1}>{t("action.close")}</DialogDismiss>
        </VisuallyHidden>
      )}
    </Modal>
  );
}

/** The end of a dialog in which everything is done at once. */
export function Done({ onClose }: { onClose: () => void }) {
  const t = useT();
  return (
    <div className="dialog__foot">
      <Button kind="primary" onClick={onClose}>
        {t("action.done")}
      </Button>
    </div>
  );
}

interface ConfirmProps {
  title: string;
  text: string;
  action: string;
  /** Of the button that does it; what cannot be taken back is a danger. */
  kind?: "danger" | "primary";
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back, or that others notice. */
export function Confirm({ title, text, action, kind = "danger", onConfirm, onClose }: ConfirmProps) {
  const t = useT();
  return (
    <Dialog title={title} onClose={onClose} className="dialog--confirm">
      <div className="dialog__body">
        <p>{text}</p>
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button
            kind={kind}
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
