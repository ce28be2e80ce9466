/** The index of encrypted chats: how large it is, and the ways to be rid of it. */
import { useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { fileSize } from "../../lib/time.ts";
import { Button, RemoteSwitch } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { attempt } from "../../viewmodels/toasts.ts";
import { Card } from "./parts.tsx";

export function SearchIndex() {
  const t = useT();
  const { search } = useAccount();
  const { state, messages, bytes } = useReadable(search.status);
  const [asking, setAsking] = useState(false);
  const number = (value: number) => new Intl.NumberFormat(t.locale).format(value);
  const text = t("storage.index.text", {
    messages: number(search.limits.messages),
    size: fileSize(search.limits.bytes, t.locale),
  });
  if (state === "unavailable") {
    return (
      <Card title={t("storage.index")} text={text}>
        <p className="settings__text">{t("search.scope.unavailable")}</p>
      </Card>
    );
  }
  return (
    <Card title={t("storage.index")} text={text} kept="device">
      <RemoteSwitch
        label={t("storage.index.on")}
        checked={state !== "off"}
        onChange={(on) => attempt(() => search.setOn(on))}
      />
      {state !== "off" && (
        <div className="settings__row">
          <span className="settings__label">
            {t("storage.index.messages")}
            <span className="settings__hint">
              {t.count("storage.index.value", messages, { size: fileSize(bytes, t.locale) })}
            </span>
          </span>
          <Button disabled={messages === 0} onClick={() => setAsking(true)}>
            {t("storage.index.clear")}
          </Button>
        </div>
      )}
      {asking && (
        <Confirm
          title={t("storage.index.clear.title")}
          text={t("storage.index.clear.text")}
          action={t("action.clear")}
          onConfirm={() => void attempt(() => search.clear())}
          onClose={() => setAsking(false)}
        />
      )}
    </Card>
  );
}
