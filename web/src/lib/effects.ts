/** Effects that a message has on the screen: which ones there are, and how others say so. */
export const EFFECTS = ["confetti", "fireworks", "hearts", "snowfall"] as const;
export type Effect = (typeof EFFECTS)[number];

/** The kinds of messages that other clients know (Element's names). */
export const EFFECT_TYPES: Readonly<Record<Effect, string>> = {
  confetti: "nic.custom.confetti",
  fireworks: "nic.custom.fireworks",
  hearts: "io.element.effect.hearts",
  snowfall: "io.element.effect.snowfall",
};

const EMOJI: Readonly<Record<Effect, RegExp>> = {
  confetti: /🎉|🎊/u,
  fireworks: /🎆/u,
  hearts: /💝/u,
  snowfall: /❄|🌨/u,
};

/** What a message does: by its kind, or by an emoji in it. */
export function effectOf(msgtype: unknown, text: string): Effect | undefined {
  return (
    EFFECTS.find((effect) => EFFECT_TYPES[effect] === msgtype) ?? EFFECTS.find((effect) => EMOJI[effect].test(text))
  );
}

/** How one speaks of an effect where there are no words. */
export const EFFECT_EMOJI: Readonly<Record<Effect, string>> = {
  confetti: "🎉",
  fireworks: "🎆",
  hearts: "💝",
  snowfall: "❄️",
};
