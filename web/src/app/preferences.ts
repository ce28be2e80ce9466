/** What a person chose for this browser: theme, language, text size. Applied to the document as soon as it changes. */
import { Observable } from "../lib/observable.ts";

export type Theme = "system" | "light" | "dark";
export type Language = "system" | "en" | "zh";
export type TextSize = "small" | "medium" | "large" | "larger";

export interface Preferences {
  theme: Theme;
  language: Language;
  textSize: TextSize;
}

const KEY = "im2.preferences";
const DEFAULTS: Preferences = { theme: "system", language: "system", textSize: "medium" };
const CHOICES: { [K in keyof Preferences]: readonly Preferences[K][] } = {
  theme: ["system", "light", "dark"],
  language: ["system", "en", "zh"],
  textSize: ["small", "medium", "large", "larger"],
};

export function readPreferences(stored: string | null): Preferences {
  let parsed: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(stored ?? "{}");
    if (typeof value === "object" && value !== null) parsed = value as Record<string, unknown>;
  } catch {
    // What cannot be read is as good as nothing.
  }
  const pick = <K extends keyof Preferences>(key: K): Preferences[K] =>
    CHOICES[key].find((choice) => choice === parsed[key]) ?? DEFAULTS[key];
  return { theme: pick("theme"), language: pick("language"), textSize: pick("textSize") };
}

export const preferences = new Observable<Preferences>(readPreferences(localStorage.getItem(KEY)));

export function setPreference<K extends keyof Preferences>(key: K, value: Preferences[K]): void {
  const next = { ...preferences.get(), [key]: value };
  localStorage.setItem(KEY, JSON.stringify(next));
  preferences.set(next);
}

/** The catalogue and the locale to format with. The region of the system is kept: it decides between 24 and 12 hours. */
export function localeOf(language: Language, system: readonly string[]): { catalogue: "en" | "zh"; locale: string } {
  const preferred = system.find((tag) => /^(?:en|zh)\b/i.test(tag));
  const catalogue = language === "system" ? (preferred?.toLowerCase().startsWith("zh") ? "zh" : "en") : language;
  const region = system.find((tag) => tag.toLowerCase().startsWith(catalogue));
  return { catalogue, locale: region ?? (catalogue === "zh" ? "zh-CN" : "en") };
}

/** Keeps the document's attributes in step. `boot.js` sets the theme even before this runs. */
export function applyPreferences(): void {
  const apply = () => {
    const { theme, textSize, language } = preferences.get();
    const root = document.documentElement;
    if (theme === "system") root.removeAttribute("data-theme");
    else root.dataset.theme = theme;
    root.dataset.textSize = textSize;
    root.lang = localeOf(language, navigator.languages).catalogue === "zh" ? "zh-CN" : "en";
  };
  apply();
  preferences.subscribe(apply);
}
