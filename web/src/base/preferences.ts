/**
 * What a person chose: some of it for this browser (theme, language, text size), some of it for their account on every
 * device. Applied to the document as soon as it changes.
 */
import { type Entries, readEntries, withEntry } from "../lib/entries.ts";
import { Observable } from "../lib/observable.ts";
import { localTimeZone, type QuietHours, readQuietHours } from "../lib/quiet.ts";

export type Theme = "system" | "light" | "dark";
export type Language = "system" | "en" | "zh";
export type TextSize = "small" | "medium" | "large" | "larger";
export type Accent = "violet" | "blue" | "teal" | "green" | "amber" | "rose" | "slate";
export type Background = "plain" | "dots" | "lines" | "dawn" | "meadow" | "dusk";
export type Sound = "none" | "chime" | "pop" | "bell";

/** Belongs to this browser. */
export interface DevicePreferences {
  theme: Theme;
  language: Language;
  textSize: TextSize;
  /** Notifications of the system. */
  notify: "on" | "off";
  /** They show what messages say. */
  preview: "on" | "off";
}

/** Follows the account to every device. */
export interface AccountPreferences {
  accent: Accent;
  background: Background;
  layout: "bubbles" | "compact";
  density: "comfortable" | "compact";
  clock: "system" | "12" | "24";
  presence: "shown" | "hidden";
  receipts: "public" | "private";
  typing: "shown" | "hidden";
  sound: Sound;
}

export interface Preferences extends DevicePreferences, AccountPreferences {
  quiet: QuietHours;
  /** Backgrounds of single conversations, by room id. */
  backgrounds: Readonly<Record<string, Background>>;
}

export const CHOICES = {
  theme: ["system", "light", "dark"],
  language: ["system", "en", "zh"],
  textSize: ["small", "medium", "large", "larger"],
  notify: ["on", "off"],
  preview: ["on", "off"],
  accent: ["violet", "blue", "teal", "green", "amber", "rose", "slate"],
  background: ["plain", "dots", "lines", "dawn", "meadow", "dusk"],
  layout: ["bubbles", "compact"],
  density: ["comfortable", "compact"],
  clock: ["system", "12", "24"],
  presence: ["shown", "hidden"],
  receipts: ["public", "private"],
  typing: ["shown", "hidden"],
  sound: ["chime", "pop", "bell", "none"],
} as const satisfies { [K in keyof (DevicePreferences & AccountPreferences)]: readonly Preferences[K][] };

const KEY = "im2.preferences";
/** By user id. */
const ACCOUNT_KEY = "im2.preferences.account:";
const DEVICE: DevicePreferences = {
  theme: "system",
  language: "system",
  textSize: "medium",
  notify: "on",
  preview: "on",
};
const ACCOUNT: AccountPreferences = {
  accent: "violet",
  background: "plain",
  layout: "bubbles",
  density: "comfortable",
  clock: "system",
  presence: "shown",
  receipts: "public",
  typing: "shown",
  sound: "chime",
};
const DEVICE_KEYS = Object.keys(DEVICE) as (keyof DevicePreferences)[];
const ACCOUNT_KEYS = Object.keys(ACCOUNT) as (keyof AccountPreferences)[];
/** The prefix of the entry that has the background of one conversation. */
const BACKGROUND_OF = "background:";

export function readPreferences(stored: string | null): DevicePreferences {
  const parsed = parse(stored);
  const read = { ...DEVICE } as Record<keyof DevicePreferences, string>;
  for (const key of DEVICE_KEYS) {
    const choice = (CHOICES[key] as readonly string[]).find((option) => option === parsed[key]);
    if (choice !== undefined) read[key] = choice;
  }
  return read as DevicePreferences;
}

/** Reads one entry of `im2.preferences`; nothing for what this version does not know. */
export function readAccountPreference(key: string, value: unknown): unknown {
  if (key === "quiet") return readQuietHours(value);
  const choices: readonly unknown[] = key.startsWith(BACKGROUND_OF)
    ? CHOICES.background
    : ACCOUNT_KEYS.includes(key as keyof AccountPreferences)
      ? CHOICES[key as keyof AccountPreferences]
      : [];
  return choices.find((choice) => choice === value);
}

function parse(stored: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(stored ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // What cannot be read is as good as nothing.
    return {};
  }
}

/** Everything that applies, from what the device and what the account keeps. */
export function combine(device: DevicePreferences, entries: Entries<unknown>): Preferences {
  const value = (key: string) => (Object.hasOwn(entries, key) ? entries[key]?.value : undefined);
  const account = Object.fromEntries(ACCOUNT_KEYS.map((key) => [key, value(key) ?? ACCOUNT[key]]));
  const backgrounds = Object.entries(entries).flatMap(([key, entry]): [string, Background][] =>
    key.startsWith(BACKGROUND_OF) && entry.value !== undefined
      ? [[key.slice(BACKGROUND_OF.length), entry.value as Background]]
      : [],
  );
  return {
    ...device,
    ...(account as unknown as AccountPreferences),
    quiet: (value("quiet") as QuietHours | undefined) ?? {
      on: false,
      from: "22:00",
      to: "07:00",
      zone: localTimeZone(),
    },
    backgrounds: Object.fromEntries(backgrounds),
  };
}

/** What the account keeps, as this device knows it. */
export const accountEntries = new Observable<Entries<unknown>>({});
/** Whose they are. */
let owner: string | undefined;
const device = new Observable<DevicePreferences>(readPreferences(localStorage.getItem(KEY)));
export const preferences = new Observable<Preferences>(combine(device.get(), accountEntries.get()));

/** Where a change of the account's preferences goes while somebody is signed in. */
let keep: ((key: string, value: unknown) => void) | undefined;

/** Connects the account's preferences with its account data; the returned function disconnects them. */
export function connectAccountPreferences(writer: (key: string, value: unknown) => void): () => void {
  keep = writer;
  return () => {
    keep = undefined;
  };
}

/** Applies what is known of an account's preferences, until the account itself says more. */
export function openAccountPreferences(userId: string): void {
  owner = userId;
  setAccountEntries(readEntries(parse(localStorage.getItem(ACCOUNT_KEY + userId)), readAccountPreference));
}

/** They apply no more: another account is used. */
export function closeAccountPreferences(): void {
  owner = undefined;
  setAccountEntries({});
}

/** Takes over what the account keeps. */
export function setAccountEntries(entries: Entries<unknown>): void {
  accountEntries.set(entries);
  if (owner !== undefined) localStorage.setItem(ACCOUNT_KEY + owner, JSON.stringify(entries));
  preferences.set(combine(device.get(), entries));
}

export type PreferenceKey = keyof DevicePreferences | keyof AccountPreferences | "quiet";

export function setPreference<K extends PreferenceKey>(key: K, value: Preferences[K]): void {
  if (!isOfDevice(key)) {
    setAccountPreference(key, value);
    return;
  }
  const next = { ...device.get(), [key]: value };
  localStorage.setItem(KEY, JSON.stringify(next));
  device.set(next);
  preferences.set(combine(next, accountEntries.get()));
}

/** The background of one conversation; without one, that of all of them applies again. */
export function setChatBackground(roomId: string, background: Background | undefined): void {
  setAccountPreference(BACKGROUND_OF + roomId, background);
}

export function isOfDevice(key: string): key is keyof DevicePreferences {
  return DEVICE_KEYS.includes(key as keyof DevicePreferences);
}

function setAccountPreference(key: string, value: unknown): void {
  if (keep === undefined) setAccountEntries(withEntry(accountEntries.get(), key, value, Date.now()));
  else keep(key, value);
}

/** Another tab has changed something: both show the same. */
window.addEventListener("storage", ({ key }) => {
  if (key !== KEY) return;
  device.set(readPreferences(localStorage.getItem(KEY)));
  preferences.set(combine(device.get(), accountEntries.get()));
});

/** The catalogue and the locale to format with. The region of the system is kept: it decides between 24 and 12 hours. */
export function localeOf(
  language: Language,
  system: readonly string[],
  clock: AccountPreferences["clock"] = "system",
): { catalogue: "en" | "zh"; locale: string } {
  const preferred = system.find((tag) => /^(?:en|zh)\b/i.test(tag));
  const catalogue = language === "system" ? (preferred?.toLowerCase().startsWith("zh") ? "zh" : "en") : language;
  const region = system.find((tag) => tag.toLowerCase().startsWith(catalogue));
  const hours = clock === "system" ? "" : clock === "24" ? "-u-hc-h23" : "-u-hc-h12";
  return { catalogue, locale: (region ?? (catalogue === "zh" ? "zh-CN" : "en")) + hours };
}

/** Keeps the document's attributes in step. `boot.js` sets the theme and the accent even before this runs. */
export function applyPreferences(): void {
  const apply = () => {
    const { theme, textSize, language, accent, layout, density } = preferences.get();
    const root = document.documentElement;
    if (theme === "system") root.removeAttribute("data-theme");
    else root.dataset.theme = theme;
    if (accent === "violet") root.removeAttribute("data-accent");
    else root.dataset.accent = accent;
    root.dataset.textSize = textSize;
    root.dataset.layout = layout;
    root.dataset.density = density;
    root.lang = localeOf(language, navigator.languages).catalogue === "zh" ? "zh-CN" : "en";
  };
  apply();
  preferences.subscribe(apply);
}
