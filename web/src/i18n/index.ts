export type { Catalogue, MessageKey } from "./en.ts";
export type { Params, PluralKey, Translate } from "./translate.ts";
