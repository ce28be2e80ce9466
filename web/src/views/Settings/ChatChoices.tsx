import "./Settings.css";
import { useT } from "../../base/hooks.ts";
import { ChatBackground } from "./BackgroundChoice.tsx";
import { ChatNotifications } from "./ChatNotifications.tsx";

/** What one conversation does differently from all others; its details show this, folded. */
export function ChatChoices({ roomId }: { roomId: string }) {
  const t = useT();
  return (
    <details className="chat-choices">
      <summary>{t("settings.chat")}</summary>
      <h4>{t("settings.notifications")}</h4>
      <ChatNotifications roomId={roomId} />
      <h4>{t("settings.background")}</h4>
      <ChatBackground roomId={roomId} />
    </details>
  );
}
