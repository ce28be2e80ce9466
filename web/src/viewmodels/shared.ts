/** What other apps share with the installed client, and files that the system opens with it. */
import { Observable } from "../lib/observable.ts";

export interface Shared {
  text: string;
  files: readonly File[];
}

/** Where the service worker has put it. */
const CACHE = "im2-shared";

export const shared = new Observable<Shared | undefined>(undefined);

/** Reads a share that waits, once. */
export async function takeShared(): Promise<void> {
  if (typeof caches === "undefined") return;
  const cache = await caches.open(CACHE);
  const stored = await cache.match("/shared/text");
  if (stored === undefined) return;
  const { text, names } = (await stored.json()) as { text: string; names: { name: string; type: string }[] };
  const files = await Promise.all(
    names.map(async ({ name, type }, index) => {
      const blob = await (await cache.match(`/shared/${index}`))?.blob();
      return blob === undefined ? [] : [new File([blob], name, { type })];
    }),
  );
  await caches.delete(CACHE);
  shared.set({ text, files: files.flat() });
}

interface LaunchQueue {
  setConsumer(consumer: (launch: { files?: readonly FileSystemFileHandle[] }) => void): void;
}

/** Files that were opened with the installed client. */
export function watchLaunches(): void {
  const { launchQueue } = window as { launchQueue?: LaunchQueue };
  launchQueue?.setConsumer(({ files = [] }) => {
    if (files.length === 0) return;
    void Promise.all(files.map((handle) => handle.getFile())).then((opened) => shared.set({ text: "", files: opened }));
  });
}

/** Files chosen for a conversation that is about to be shown. */
let pending: { roomId: string; files: readonly File[] } | undefined;

export function setPendingFiles(roomId: string, files: readonly File[]): void {
  pending = files.length === 0 ? undefined : { roomId, files };
}

export function takePendingFiles(roomId: string): readonly File[] {
  if (pending?.roomId !== roomId) return [];
  const { files } = pending;
  pending = undefined;
  return files;
}
