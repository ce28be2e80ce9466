import { useReadable, useT } from "../../base/hooks.ts";
import { problemText } from "../../lib/problem.ts";
import { toast } from "../../viewmodels/toasts.ts";

/** The notice at the bottom of the window. The live region is always there, so that screen readers hear the first one. */
export function ToastHost() {
  const t = useT();
  const current = useReadable(toast);
  return (
    <div role="status" aria-live="polite">
      {current !== undefined && (
        <div className="toast">
          {"problem" in current.message
            ? problemText(current.message.problem, t)
            : t(current.message.key, current.message.params)}
        </div>
      )}
    </div>
  );
}
