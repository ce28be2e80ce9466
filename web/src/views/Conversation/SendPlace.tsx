import { LocateFixed } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { type Coordinates, readPlace } from "../../lib/places.ts";
import { Button, Field } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { LocationCard } from "./LocationCard.tsx";

/** How long the browser may look for where it is, in milliseconds. */
const PATIENCE = 20_000;
const LONGEST_LABEL = 120;

type Search = "idle" | "searching" | "denied" | "failed";

/** Sends where one is, or where something else is. Nothing is sent before somebody has seen what. */
export default function SendPlace({ model, onClose }: { model: ConversationModel; onClose: () => void }) {
  const t = useT();
  const [search, setSearch] = useState<Search>("idle");
  const [own, setOwn] = useState<Coordinates>();
  const [text, setText] = useState("");
  const [label, setLabel] = useState("");
  const place = own ?? readPlace(text);
  const find = () => {
    setSearch("searching");
    navigator.geolocation.getCurrentPosition(
      ({ coords: { latitude, longitude, accuracy } }) => {
        setOwn({ latitude, longitude, accuracy });
        setText("");
        setSearch("idle");
      },
      ({ code, PERMISSION_DENIED }) => setSearch(code === PERMISSION_DENIED ? "denied" : "failed"),
      { enableHighAccuracy: true, timeout: PATIENCE },
    );
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (place === undefined) return;
    model.sendPlace({ ...place, label: label.trim(), own: own !== undefined });
    onClose();
  };
  const unread = own === undefined && text.trim() !== "" && place === undefined;
  return (
    <Dialog title={t("location.send.title")} onClose={onClose}>
      <form className="dialog__body" onSubmit={send}>
        {/* Browsers tell it to pages only that came over a safe connection. */}
        {window.isSecureContext && (
          <Button wide busy={search === "searching"} onClick={find}>
            <LocateFixed aria-hidden />
            {t("location.own")}
          </Button>
        )}
        {(search === "denied" || search === "failed") && (
          <p className="notice notice--problem" role="alert">
            {t(`location.${search}`)}
          </p>
        )}
        <Field
          label={t("location.text")}
          tone={unread ? "problem" : undefined}
          hint={t(unread ? "location.text.unread" : "location.text.hint")}
        >
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoComplete="off"
              value={text}
              onChange={(event) => {
                setText(event.target.value);
                setOwn(undefined);
              }}
            />
          )}
        </Field>
        <Field label={t("location.label")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoComplete="off"
              dir="auto"
              maxLength={LONGEST_LABEL}
              value={label}
              onChange={(event) => setLabel(event.target.value)}
            />
          )}
        </Field>
        {place !== undefined && (
          <div className="send-place__preview" role="group" aria-label={t("location.preview")}>
            <LocationCard place={{ ...place, label }} />
          </div>
        )}
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" disabled={place === undefined}>
            {t("location.send")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
