import "./Shell.css";
import { useT } from "../../base/hooks.ts";
import { ChatsSkeleton } from "../Chats/ChatsSkeleton.tsx";

/** The shape of the client while its data is on the way. */
export function LoadingShell() {
  const t = useT();
  return (
    <div className="shell" data-pane="list" aria-busy="true">
      <span className="visually-hidden" role="status">
        {t("app.loading")}
      </span>
      <div className="rail" />
      <div className="pane">
        <div className="pane__head">
          <span className="skeleton skeleton--title" />
        </div>
        <ChatsSkeleton />
      </div>
      <main className="main" />
    </div>
  );
}
