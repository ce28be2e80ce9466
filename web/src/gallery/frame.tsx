/**
 * The page in the frame: one story, as large as the frame is. It tells nobody of itself; the gallery around it, and
 * `e2e/gallery.spec.ts`, call {@link Gallery.show}.
 */
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/appearance.css";
import "../ui/ui.css";
// Frames stand in the window of the client.
import "../views/Shell/Shell.css";
import "../views/Conversation/Conversation.css";
import { flushSync } from "react-dom";
import { createRoot, type Root } from "react-dom/client";
import { applyPreferences } from "../base/preferences.ts";
import { remember, unseen, waits } from "./rendered.ts";
import { PLAIN, type Settings } from "./settings.ts";
import { prepare, Stage } from "./stage.tsx";
import { ENTRIES } from "./stories.ts";
import { worldOf } from "./story.ts";

export interface Gallery {
  ids: readonly string[];
  /** Shows a story; resolves when it has come to its state. */
  show: (id: string, settings?: Partial<Settings>) => Promise<void>;
  /** The components of views that no story so far has shown. */
  unseen: () => readonly string[];
}

declare global {
  interface Window {
    gallery?: Gallery;
  }
}

applyPreferences();
const place = document.getElementById("root");
let root: Root | undefined;

const frame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()));

/** Resolves when what was loaded is drawn, and nothing moves that comes to an end. */
async function still(): Promise<void> {
  await frame();
  await frame();
  while (place !== null && waits(place)) await frame();
  const moving = document.getAnimations().filter((animation) => animation.effect?.getTiming().iterations !== Infinity);
  await Promise.allSettled(moving.map(({ finished }) => finished));
}

/** How long an answer that is on its way is waited for, in milliseconds: searches pause before they ask. */
const PATIENCE = 800;

/** Resolves when nothing stands in for what is to come, or when that does not come, as in stories of loading. */
async function answered(): Promise<void> {
  const until = performance.now() + PATIENCE;
  while (document.querySelector(".skeleton") !== null && performance.now() < until) await frame();
}

window.gallery = {
  ids: ENTRIES.map(({ id }) => id),
  async show(id, settings = {}) {
    const entry = ENTRIES.find((other) => other.id === id);
    if (entry === undefined || place === null) return;
    root?.unmount();
    const chosen = { ...PLAIN, ...settings };
    await prepare(chosen);
    const world = worldOf(entry.story, chosen.language);
    entry.story.before?.(world);
    const fresh = createRoot(place);
    root = fresh;
    flushSync(() => fresh.render(<Stage meta={entry.file.default} story={entry.story} world={world} />));
    await still();
    await entry.story.play?.(document.body, world);
    await still();
    await answered();
    await still();
    remember(place);
  },
  unseen,
};
window.dispatchEvent(new Event("gallery"));
