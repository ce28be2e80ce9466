import { ShieldCheck } from "lucide-react";
import { useT } from "../../base/hooks.ts";
import { Button, EmptyState } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

/** The end of what one had to do about encryption. */
export function Finished({ title, text, onClose }: { title: string; text: string; onClose: () => void }) {
  const t = useT();
  return (
    <Dialog title={title} bare onClose={onClose} className="encryption">
      <EmptyState icon={<ShieldCheck />} title={title} text={text}>
        <Button kind="primary" onClick={onClose}>
          {t("action.close")}
        </Button>
      </EmptyState>
    </Dialog>
  );
}
