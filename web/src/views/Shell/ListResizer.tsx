import { type KeyboardEvent, type PointerEvent, useEffect, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { FOLDED, listWidth, NARROWEST, setListWidth, USUAL, WIDEST } from "../../viewmodels/listwidth.ts";

const STEP = 1;

/** The edge between the list and the conversation: pulled, or moved by arrow keys; a double click folds the list. */
export function ListResizer() {
  const t = useT();
  const width = useReadable(listWidth);
  const [pulling, setPulling] = useState(false);
  useEffect(() => {
    const root = document.documentElement;
    root.style.setProperty("--list-width", `${width}rem`);
    root.dataset.list = width === FOLDED ? "folded" : "open";
    return () => {
      root.style.removeProperty("--list-width");
      delete root.dataset.list;
    };
  }, [width]);
  const pull = ({ currentTarget, clientX }: PointerEvent<HTMLElement>) => {
    const pane = currentTarget.parentElement?.getBoundingClientRect();
    if (pane === undefined) return;
    const pixels = document.dir === "rtl" ? pane.right - clientX : clientX - pane.left;
    setListWidth(pixels / Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next: Record<string, number> = {
      ArrowLeft: width - STEP < NARROWEST ? FOLDED : width - STEP,
      ArrowRight: width === FOLDED ? NARROWEST : width + STEP,
      Home: FOLDED,
      End: WIDEST,
      Enter: width === FOLDED ? USUAL : FOLDED,
    };
    const to = next[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setListWidth(to);
  };
  return (
    // A separator that can be moved is a widget (WAI-ARIA, "Window Splitter").
    <div
      className="list-resizer"
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t("list.width")}
      title={t("list.width")}
      aria-valuemin={FOLDED}
      aria-valuemax={WIDEST}
      aria-valuenow={width}
      data-pulling={pulling}
      onKeyDown={onKeyDown}
      onDoubleClick={() => setListWidth(width === FOLDED ? USUAL : FOLDED)}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setPulling(true);
      }}
      onPointerMove={(event) => pulling && pull(event)}
      onPointerUp={() => setPulling(false)}
      onPointerCancel={() => setPulling(false)}
    />
  );
}
