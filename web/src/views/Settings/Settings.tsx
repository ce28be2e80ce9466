import "./Settings.css";
import { Settings as Gear } from "lucide-react";
import { useT } from "../../base/hooks.ts";
import { EmptyState } from "../../ui/controls.tsx";
import { BackButton } from "../Conversation/Header.tsx";
import { SECTIONS } from "./sections.tsx";

/** One section of the settings; the first one where none is named. */
export function Settings({ section }: { section: string | undefined }) {
  const t = useT();
  const shown = section === undefined ? SECTIONS[0] : SECTIONS.find(({ id }) => id === section);
  if (shown === undefined) return <EmptyState icon={<Gear />} title={t("page.notFound")} />;
  const { title, component: Section } = shown;
  return (
    <div className="settings" key={shown.id}>
      <header className="settings__head">
        <BackButton />
        <h1>{t(title)}</h1>
      </header>
      <div className="settings__body">
        <Section />
      </div>
    </div>
  );
}
