import { useT } from "../../base/hooks.ts";
import type { MessageKey } from "../../i18n/index.ts";
import { Card } from "./parts.tsx";

const MAC = /Mac|iPhone|iPad/.test(navigator.userAgent);
const CONTROL = MAC ? "⌘" : "Ctrl";

/** Each with the keys that are pressed together. */
const SHORTCUTS: readonly { title: MessageKey; shortcuts: readonly [MessageKey, readonly string[]][] }[] = [
  {
    title: "keys.everywhere",
    shortcuts: [
      ["keys.switcher", [CONTROL, "K"]],
      ["keys.close", ["Esc"]],
      ["keys.lists", ["↑", "↓"]],
      ["keys.next", ["Tab"]],
    ],
  },
  {
    title: "keys.writing",
    shortcuts: [
      ["keys.send", ["Enter"]],
      ["keys.line", ["Shift", "Enter"]],
      ["keys.editLast", ["↑"]],
      ["keys.cancel", ["Esc"]],
    ],
  },
];

export function KeyboardSection() {
  const t = useT();
  return SHORTCUTS.map(({ title, shortcuts }) => (
    <Card key={title} title={t(title)}>
      <dl className="shortcuts">
        {shortcuts.map(([what, keys]) => (
          <div key={what} className="settings__row">
            <dt>{t(what)}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  ));
}
