import { CircleAlert } from "lucide-react";
import { Component, type ReactNode } from "react";
import { Button, EmptyState } from "../ui/controls.tsx";
import { useT } from "../base/hooks.ts";

/** What is shown when the client itself has broken: in words, with what to do. */
export function Failure() {
  const t = useT();
  return (
    <main className="failure">
      <EmptyState icon={<CircleAlert />} title={t("failure.title")} text={t("failure.text")}>
        <Button kind="primary" onClick={() => window.location.reload()}>
          {t("failure.reload")}
        </Button>
      </EmptyState>
    </main>
  );
}

export class FailureBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <Failure /> : this.props.children;
  }
}
