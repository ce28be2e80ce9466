import { type RefObject, useEffect, useRef, useState } from "react";
import { usePhone, useT } from "../../base/hooks.ts";
import { type CallLayout, columnsFor } from "../../lib/calllayout.ts";
import type { CallSession } from "../../matrix/calls/session.ts";
import type { CallReaction } from "../../matrix/calls/types.ts";
import type { Choice } from "./CallWindow.tsx";
import { Tile } from "./Tile.tsx";

interface StageProps {
  session: CallSession;
  layout: CallLayout;
  choice: Choice;
  onChoice: (part: Partial<Choice>) => void;
  reactions: readonly CallReaction[];
}

/** Between pictures, in pixels: `--space-2`. */
const GAP = 8;

/** The pictures of a call. */
export function Stage({ session, layout, choice, onChoice, reactions }: StageProps) {
  const t = useT();
  const grid = useRef<HTMLUListElement>(null);
  const { kind, tiles, stage, own } = layout;
  const size = useSize(grid);
  const phone = usePhone();
  // Upright windows have upright pictures.
  const shape = phone ? 4 / 3 : 16 / 9;
  const { columns, width } = columnsFor(
    tiles.length,
    size.width,
    size.height,
    GAP,
    tiles.length === 1 ? 16 / 9 : shape,
  );
  const filled = kind === "pair";
  const pin = (key: string) => () => onChoice({ pinned: choice.pinned === key ? undefined : key, page: 0 });
  const common = (key: string) => ({
    session,
    pinned: choice.pinned === key,
    onPin: pin(key),
    reactions: reactions.filter((reaction) => reaction.key === key),
  });
  return (
    <div className="call-stage" data-kind={kind}>
      {stage !== undefined && (
        <div className="call-stage__large">
          <Tile key={stage.key} tile={stage} large {...common(stage.key)} />
        </div>
      )}
      <ul ref={grid} className="call-stage__grid" aria-label={t("call.people")}>
        {tiles.map((tile) => (
          <li
            key={tile.key}
            className="call-stage__cell"
            style={
              kind === "grid" && width > 0
                ? {
                    width: `${Math.min(width, Math.floor((size.width - GAP * (columns - 1)) / columns))}px`,
                    aspectRatio: shape,
                  }
                : undefined
            }
          >
            <Tile tile={tile} large={filled} {...common(tile.key)} />
          </li>
        ))}
      </ul>
      {own !== undefined && (
        <div className="call-stage__own" data-camera={own.participant.camera}>
          <Tile key={own.key} tile={own} {...common(own.key)} />
        </div>
      )}
    </div>
  );
}

function useSize(ref: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (element === null || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}
