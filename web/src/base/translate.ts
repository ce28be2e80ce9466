/** The words of the client in the chosen language. */
import { type Catalogue, en } from "../i18n/en.ts";
import { type Translate, translator } from "../i18n/translate.ts";
import { Observable, type Readable } from "../lib/observable.ts";
import { type AccountPreferences, type Language, localeOf, preferences } from "./preferences.ts";

/** English is always there; another catalogue is loaded by who reads it. */
const CATALOGUES: Partial<Record<"en" | "zh", Catalogue>> = { en };
const translators = new Map<string, Translate>();
/** How many catalogues have come: what is shown changes with them. */
export const loadedCatalogues = new Observable(0);

let loading: Promise<void> | undefined;

/** Resolves when the messages of the chosen language are there; where they cannot be loaded, English stays. */
export async function loadCatalogue(): Promise<void> {
  const { catalogue } = localeOf(preferences.get().language, navigator.languages);
  if (CATALOGUES[catalogue] !== undefined) return;
  loading ??= import("../i18n/zh.ts").then(
    ({ zh }) => {
      CATALOGUES.zh = zh;
      loadedCatalogues.set(loadedCatalogues.get() + 1);
    },
    (error: unknown) => console.warn("the messages of the chosen language could not be loaded", error),
  );
  await loading;
}

/** Messages in the chosen language, outside of a view. */
export function currentTranslate(): Translate {
  const { language, clock } = preferences.get();
  return findTranslate(language, clock);
}

/** The same for views, which hear of a change. */
export const translation: Readable<Translate> = {
  get: currentTranslate,
  subscribe: (listener) => {
    const ends = [preferences.subscribe(listener), loadedCatalogues.subscribe(listener)];
    return () => {
      for (const end of ends) end();
    };
  },
};

function findTranslate(language: Language, clock: AccountPreferences["clock"]): Translate {
  const { catalogue, locale } = localeOf(language, navigator.languages, clock);
  const messages = CATALOGUES[catalogue];
  if (messages === undefined) void loadCatalogue();
  const key = `${messages === undefined ? "en" : catalogue} ${locale}`;
  let found = translators.get(key);
  if (found === undefined) {
    found = translator(messages ?? en, locale);
    translators.set(key, found);
  }
  return found;
}
