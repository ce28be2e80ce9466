/** What all stories are made of: words in the language that is shown, and the moment. */

export type Language = "en" | "zh";

/** Chooses between the two languages of the content. */
export type Say = (en: string, zh: string) => string;

export const say =
  (language: Language): Say =>
  (en, zh) =>
    language === "zh" ? zh : en;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const ago = (milliseconds: number): number => Date.now() - milliseconds;
