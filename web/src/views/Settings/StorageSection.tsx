import { useEffect, useState } from "react";
import { useAccount, useReadable, useT } from "../../base/hooks.ts";
import { fileSize } from "../../lib/time.ts";
import { Button } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import { clearDrafts, drafts } from "../../viewmodels/drafts.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { Card } from "./parts.tsx";
import { SearchIndex } from "./SearchIndex.tsx";

/** What this browser keeps, and how to be rid of it. */
export function StorageSection() {
  const t = useT();
  const account = useAccount();
  const written = Object.keys(useReadable(drafts)).length;
  const [used, setUsed] = useState<number>();
  const [lasting, setLasting] = useState<boolean>();
  const [asking, setAsking] = useState<"chats" | "drafts">();
  const close = () => setAsking(undefined);
  useEffect(() => {
    // Browsers without these say nothing, and neither does this page.
    void navigator.storage?.estimate?.().then(({ usage }) => setUsed(usage));
    void navigator.storage?.persisted?.().then(setLasting);
  }, []);
  const clearChats = () =>
    void attempt(async () => {
      await account.clearStored();
      window.location.reload();
    });
  return (
    <>
      <Card title={t("storage.kept")} text={t("storage.kept.text")} kept="device">
        {used !== undefined && (
          <div className="settings__row">
            <span>{t("storage.used")}</span>
            <strong>{fileSize(used, t.locale)}</strong>
          </div>
        )}
        <ul className="settings__points">
          <li>{t("storage.what.chats")}</li>
          <li>{t("storage.what.drafts")}</li>
          <li>{t("storage.what.contacts")}</li>
          <li>{t("storage.what.app")}</li>
          <li>{t("storage.what.session")}</li>
        </ul>
        {lasting === false && (
          <div className="settings__row">
            <span className="settings__label">
              {t("storage.lasting")}
              <span className="settings__hint">{t("storage.lasting.hint")}</span>
            </span>
            <Button onClick={() => void navigator.storage.persist().then(setLasting)}>
              {t("storage.lasting.ask")}
            </Button>
          </div>
        )}
      </Card>
      <SearchIndex />
      <Card title={t("storage.clear")}>
        <div className="settings__row">
          <span className="settings__label">
            {t("storage.clear.chats")}
            <span className="settings__hint">{t("storage.clear.chats.hint")}</span>
          </span>
          <Button onClick={() => setAsking("chats")}>{t("action.clear")}</Button>
        </div>
        <div className="settings__row">
          <span className="settings__label">
            {t("storage.clear.drafts")}
            <span className="settings__hint">{t.count("storage.clear.drafts.hint", written)}</span>
          </span>
          <Button disabled={written === 0} onClick={() => setAsking("drafts")}>
            {t("action.clear")}
          </Button>
        </div>
      </Card>
      {asking === "chats" && (
        <Confirm
          title={t("storage.clear.chats.title")}
          text={t("storage.clear.chats.hint")}
          action={t("action.clear")}
          onConfirm={clearChats}
          onClose={close}
        />
      )}
      {asking === "drafts" && (
        <Confirm
          title={t("storage.clear.drafts.title")}
          text={t("storage.clear.drafts.text")}
          action={t("action.clear")}
          onConfirm={clearDrafts}
          onClose={close}
        />
      )}
    </>
  );
}
