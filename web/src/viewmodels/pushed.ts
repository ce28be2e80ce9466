/** A click on a notification: the service worker says which conversation is wanted. */
import type { WorkerWord } from "../sw/target.ts";
import { app } from "./app.ts";

export function followNotifications(): void {
  navigator.serviceWorker?.addEventListener("message", ({ data }: MessageEvent<WorkerWord | undefined>) => {
    if (data?.kind !== "open") return;
    const { account, roomId } = data;
    void app.switchTo(account, { name: "room", roomId }).then(() => app.runHere());
  });
}
