import { isolated } from "../lib/text.ts";
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

const HAN_AT_START = /^\p{Script=Han}/u;
const HAN_AT_END = /\p{Script=Han}$/u;

/** Chinese catalogues set names off with spaces; between two Han characters none is wanted. */
function fill(text: string, params: Params | undefined): string {
  if (params === undefined) return text;
  return text.replace(/( ?)\{(\w+)\}( ?)/g, (whole, before: string, name: string, after: string, offset: number) => {
    const value = params[name];
    if (value === undefined) return whole;
    const inserted = isolated(String(value));
    const tightBefore = HAN_AT_END.test(text.slice(0, offset)) && HAN_AT_START.test(inserted);
    const tightAfter = HAN_AT_START.test(text.slice(offset + whole.length)) && HAN_AT_END.test(inserted);
    return (tightBefore ? "" : before) + inserted + (tightAfter ? "" : after);
  });
}
