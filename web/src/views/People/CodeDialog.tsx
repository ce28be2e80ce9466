import "./People.css";
import { Copy, Share2 } from "lucide-react";
import { useT } from "../../base/hooks.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { QrImage } from "./QrImage.tsx";

interface CodeDialogProps {
  title: string;
  /** Who or what the link leads to. */
  who: { id: string; name: string; avatar?: string; detail: string; square?: boolean };
  link: string;
  /** What it is called where it is shared. */
  linkTitle: string;
  image: string;
  text: string;
  onClose: () => void;
}

/** A link, to be sent, and as a code to be scanned. */
export function CodeDialog({ title, who, link, linkTitle, image, text, onClose }: CodeDialogProps) {
  const t = useT();
  const copy = () =>
    void attempt(async () => {
      await navigator.clipboard.writeText(link);
      showToast({ tone: "done", message: { key: "people.link.copied" } });
    });
  const share = () =>
    // Whoever closes the system's dialog has not failed.
    void navigator.share({ title: linkTitle, url: link }).catch(() => undefined);
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="dialog__body my-code">
        <div className="my-code__who">
          <Avatar id={who.id} name={who.name} picture={who.avatar} size="l" square={who.square === true} />
          <span className="person-row__text">
            <bdi className="person-row__name ellipsis">{who.name}</bdi>
            <span className="person-row__detail ellipsis">{who.detail}</span>
          </span>
        </div>
        <QrImage text={link} label={image} />
        <p className="my-code__hint">{text}</p>
        <p className="my-code__link">{link}</p>
        <div className="dialog__foot my-code__actions">
          {"share" in navigator && (
            <Button onClick={share}>
              <Share2 aria-hidden />
              {t("people.link.share")}
            </Button>
          )}
          <Button kind="primary" onClick={copy}>
            <Copy aria-hidden />
            {t("people.link.copy")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
