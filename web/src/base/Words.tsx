import type { ReactNode } from "react";
import { useReadable, WordsContext } from "./hooks.ts";
import { translation } from "./translate.ts";

/** Gives the views below the words of the chosen language, and others when it changes. */
export function Words({ children }: { children: ReactNode }) {
  return <WordsContext value={useReadable(translation)}>{children}</WordsContext>;
}
