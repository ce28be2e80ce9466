import { Copy } from "lucide-react";
import { version } from "../../../package.json";
import { useAccount, useT } from "../../base/hooks.ts";
import type { MessageKey } from "../../i18n/index.ts";
import { Button } from "../../ui/controls.tsx";
import { Logo } from "../../ui/Logo.tsx";
import { attempt, showToast } from "../../viewmodels/toasts.ts";
import { Card } from "./parts.tsx";

const QUESTIONS: readonly [MessageKey, MessageKey][] = [
  ["help.find", "help.find.answer"],
  ["help.notify", "help.notify.answer"],
  ["help.install", "help.install.answer"],
  ["help.devices", "help.devices.answer"],
  ["help.trouble", "help.trouble.answer"],
];

export function AboutSection() {
  const t = useT();
  const account = useAccount();
  const copy = () =>
    void attempt(async () => {
      await navigator.clipboard.writeText(`IM2 ${version}\n${account.homeserver}\n${navigator.userAgent}`);
      showToast({ tone: "done", message: { key: "help.copied" } });
    });
  return (
    <>
      <Card title={t("help.title")}>
        <div className="help">
          {QUESTIONS.map(([question, answer]) => (
            <details key={question}>
              <summary>{t(question)}</summary>
              <p>{t(answer)}</p>
            </details>
          ))}
        </div>
      </Card>
      <Card>
        <div className="about">
          <Logo className="about__logo" />
          <span className="settings__label">
            <strong>{t("app.name")}</strong>
            <span className="settings__hint">{t("help.version", { version })}</span>
          </span>
          <Button onClick={copy}>
            <Copy aria-hidden />
            {t("help.copy")}
          </Button>
        </div>
        <p className="settings__text">{t("help.open")}</p>
      </Card>
    </>
  );
}
