import type { Catalogue, MessageKey } from "./en.ts";

export type Params = Record<string, string | number>;

/** Keys that exist in a singular and a plural form, without the suffix. */
export type PluralKey = MessageKey extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

/** Looks messages up in one catalogue. */
export interface Translate {
  (key: MessageKey, params?: Params): string;
  /** Chooses the plural form; `{count}` in the text is the number in the locale's digits. */
  count(key: PluralKey, count: number, params?: Params): string;
  readonly locale: string;
}

export function translator(catalogue: Catalogue, locale: string): Translate {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const translate = (key: MessageKey, params?: Params) => fill(catalogue[key], params);
  const count = (key: PluralKey, number: number, params?: Params) => {
    const form = plurals.select(number) === "one" ? "one" : "other";
    return fill(catalogue[`${key}.${form}` as MessageKey], { ...params, count: numbers.format(number) });
  };
  return Object.assign(translate, { count, locale });
}

function fill(text: string, params: Params | undefined): string {
  if (params === undefined) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}
