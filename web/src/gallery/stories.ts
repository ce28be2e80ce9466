/** All stories there are, in the order of their files. */
import type { Story, StoryFile } from "./story.ts";
import { storiesOf } from "./story.ts";

const FILES = import.meta.glob<StoryFile>("../views/**/*.stories.tsx", { eager: true });

export interface Entry {
  /** `Chats/Empty`. */
  id: string;
  name: string;
  file: StoryFile;
  story: Story;
}

export const ENTRIES: readonly Entry[] = Object.values(FILES).flatMap((file) =>
  storiesOf(file).map(([name, story]): Entry => ({ id: `${file.default.title}/${name}`, name, file, story })),
);
