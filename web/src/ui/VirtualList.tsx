import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useSelected } from "../base/hooks.ts";
import { preferences } from "../base/preferences.ts";
import { classes } from "../lib/classes.ts";

interface VirtualListProps<T> {
  items: readonly T[];
  /** Height of a row in rem: all rows are equally high. */
  rowRem: number;
  keyOf: (item: T) => string;
  children: (item: T, index: number) => ReactNode;
  label: string;
  className?: string;
  /** A row to bring into sight when it changes. */
  reveal?: number;
}

/** Rows rendered beyond the visible ones, above and below. */
const OVERSCAN = 6;

/** Renders only the rows in sight, so that thousands cost as little as twenty. */
export function VirtualList<T>({ items, rowRem, keyOf, children, label, className, reveal }: VirtualListProps<T>) {
  const ref = useRef<HTMLDivElement>(null);
  const textSize = useSelected(preferences, (chosen) => chosen.textSize);
  const rem = useMemo(() => rootFontSize(textSize), [textSize]);
  const rowHeight = Math.round(rowRem * rem);
  const [view, setView] = useState({ top: 0, height: 900 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  useEffect(() => {
    const element = ref.current;
    if (element === null || reveal === undefined || reveal < 0) return;
    const top = reveal * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight;
  }, [reveal, rowHeight]);
  const first = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const last = Math.min(items.length, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  return (
    <div ref={ref} className={classes("virtual-list", className)} role="list" aria-label={label}>
      <div className="virtual-list__inner" style={{ height: items.length * rowHeight }} role="presentation">
        {items.slice(first, last).map((item, offset) => {
          const index = first + offset;
          return (
            <div
              key={keyOf(item)}
              role="listitem"
              aria-setsize={items.length}
              aria-posinset={index + 1}
              className="virtual-list__row"
              style={{ top: index * rowHeight, height: rowHeight }}
            >
              {children(item, index)}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** One rem in pixels, at a chosen size of text. To ask for it, the browser brings all styles up to date. */
function rootFontSize(_: string): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 15;
}
