/** How a story is shown. */
import type { Preferences } from "../base/preferences.ts";
import type { Language } from "./fakes/world.ts";

export interface Settings extends Pick<Preferences, "theme" | "density"> {
  language: Language;
}

export const PLAIN: Settings = { language: "en", theme: "light", density: "comfortable" };
