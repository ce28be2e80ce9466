import { useEffect, useRef } from "react";
import { useReducedMotion, useReadable } from "../../base/hooks.ts";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import "./Effects.css";

/** What is older than this has had its effect on somebody else's screen, in milliseconds. */
const FRESH = 30_000;

/** Plays the effect of a message once, when it arrives while somebody looks; never for those who want no motion. */
export function Effects({ model }: { model: ConversationModel }) {
  const { events } = useReadable(model.room.timeline.snapshot);
  const still = useReducedMotion();
  const canvas = useRef<HTMLCanvasElement>(null);
  const played = useRef(new Set<string>());
  const last = events.at(-1);
  useEffect(() => {
    if (last === undefined || last.body.kind !== "text" || last.body.effect === undefined) return;
    const { key, timestamp, body } = last;
    // The local echo and the event that it becomes have the same key.
    if (played.current.has(key) || Date.now() - timestamp > FRESH) return;
    played.current.add(key);
    if (still || document.hidden) return;
    const { effect } = body;
    void import("./drawEffect.ts").then(
      ({ drawEffect }) => canvas.current && effect && drawEffect(canvas.current, effect),
      // Without a connection the message is read without it.
      () => undefined,
    );
  }, [last, still]);
  return <canvas ref={canvas} className="effects" aria-hidden />;
}
