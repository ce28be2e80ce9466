/** What the tabs of one account tell each other about the outbox. */
import type { OutboxItem } from "./item.ts";

export type Message =
  | { kind: "put"; item: OutboxItem }
  | { kind: "removed"; txnIds: readonly string[] }
  /** The server has taken it: what refers to it can name it. */
  | { kind: "confirmed"; txnId: string; eventId: string }
  | { kind: "progress"; txnId: string; part: number };

export interface Channel {
  post(message: Message): void;
  close(): void;
}

/** Opens the channel; where the browser has none, each tab sees what it wrote itself. */
export function openChannel(name: string, listener: (message: Message) => void): Channel {
  if (typeof BroadcastChannel === "undefined") return { post: () => undefined, close: () => undefined };
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent<Message>) => listener(data);
  return {
    post: (message) => channel.postMessage(message),
    close: () => channel.close(),
  };
}
