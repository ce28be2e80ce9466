/** Stories: a view in one of its states, for the gallery and for the tests of components. */
import type { ReactNode } from "react";
import { currentTranslate } from "../base/translate.ts";
import type { Translate } from "../i18n/index.ts";
import type { Account } from "../matrix/account.ts";
import { type AccountKnows, fakeAccount } from "./fakes/account.ts";
import { Calls } from "./fakes/fake.ts";
import { type Language, type Say, say } from "./fakes/world.ts";

/** Where in the client a view stands. */
export type Place =
  /** It is the whole page. */
  | "page"
  /** Beside the rail, where the list is. */
  | "list"
  /** Where the conversation is. */
  | "main"
  /** At the side of the conversation. */
  | "drawer";

/** The default export of a file of stories. */
export interface Meta {
  /** What the view is called. */
  title: string;
  place: Place;
}

/** What a story is played with. */
export interface World {
  language: Language;
  say: Say;
  /** The words of the interface. */
  t: Translate;
  calls: Calls;
  account: Account;
}

/** A named export of a file of stories. */
export interface Story {
  /** What the account knows in this state. */
  knows?: (say: Say) => AccountKnows;
  /** What is so outside of the account, before the view is there. */
  before?: (world: World) => void;
  render: (world: World) => ReactNode;
  /** Brings the view to its state, by what a person does. */
  play?: (page: HTMLElement, world: World) => void | Promise<void>;
}

export interface StoryFile {
  default: Meta;
  [name: string]: Meta | Story;
}

/** The interface has to be in the language already. */
export function worldOf(story: Story, language: Language): World {
  const words = say(language);
  const calls = new Calls();
  const account = fakeAccount(calls, words, story.knows?.(words));
  return { language, say: words, t: currentTranslate(), calls, account };
}

/** The stories of a view by their names, in their order. */
export function storiesOf({ default: _, ...stories }: StoryFile): readonly [string, Story][] {
  return Object.entries(stories) as [string, Story][];
}
