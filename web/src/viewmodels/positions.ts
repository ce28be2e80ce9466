/** Where one has left each conversation, while the client is open: scrolled up, it is found again as it was. */
export interface LeftAt {
  /** The event at the top edge. */
  eventId: string;
  key: string;
  /** How far below the top edge it begins, in pixels. */
  offset: number;
}

const MOST = 200;
const positions = new Map<string, LeftAt>();

export function leftAt(conversation: string): LeftAt | undefined {
  return positions.get(conversation);
}

/** Nothing where one was at the end: then the newest message is what one comes back to. */
export function leave(conversation: string, position: LeftAt | undefined): void {
  positions.delete(conversation);
  if (position === undefined) return;
  positions.set(conversation, position);
  const [oldest] = positions.keys();
  if (positions.size > MOST && oldest !== undefined) positions.delete(oldest);
}
