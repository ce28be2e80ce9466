import { Bold, Code, EyeOff, Italic, Link, List, Strikethrough, TextQuote } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../../base/hooks.ts";
import type { Format } from "../../lib/formatting.ts";
import { IconButton } from "../../ui/controls.tsx";
import { Tooltip } from "../../ui/Tooltip.tsx";

const MOD = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘" : "Ctrl+";

const BUTTONS: readonly { format: Format; icon: ReactNode; keys?: string }[] = [
  { format: "bold", icon: <Bold />, keys: "B" },
  { format: "italic", icon: <Italic />, keys: "I" },
  { format: "strike", icon: <Strikethrough />, keys: "Shift+X" },
  { format: "code", icon: <Code />, keys: "E" },
  { format: "spoiler", icon: <EyeOff /> },
  { format: "link", icon: <Link />, keys: "K" },
  { format: "quote", icon: <TextQuote /> },
  { format: "list", icon: <List /> },
];

/** What can be done with the selected text. */
export function FormatBar({ onFormat }: { onFormat: (format: Format) => void }) {
  const t = useT();
  return (
    <div
      className="format-bar"
      role="toolbar"
      aria-label={t("composer.format")}
      // The selection must stay.
      onMouseDown={(event) => event.preventDefault()}
    >
      {BUTTONS.map(({ format, icon, keys }) => {
        const name = t(`composer.format.${format}`);
        return (
          <Tooltip key={format} text={keys === undefined ? name : `${name} (${MOD}${keys})`}>
            <IconButton label={name} title={undefined} tabIndex={-1} onClick={() => onFormat(format)}>
              {icon}
            </IconButton>
          </Tooltip>
        );
      })}
    </div>
  );
}
