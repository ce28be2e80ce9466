import { useReadable, useT } from "../../base/hooks.ts";
import { Switch } from "../../ui/controls.tsx";
import { linkPreviews, setLinkPreviews } from "../../viewmodels/linkPreviews.ts";

/** Whether pages that messages link to are shown below them, unless a conversation says otherwise. */
export function LinkPreviewSetting() {
  const t = useT();
  const { on } = useReadable(linkPreviews);
  return (
    <Switch label={t("linkPreviews.label")} hint={t("linkPreviews.hint")} checked={on} onChange={setLinkPreviews} />
  );
}
