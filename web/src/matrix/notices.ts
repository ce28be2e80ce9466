/** Events that the push rules notify of, as they arrive. */
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  type Room,
  RoomEvent,
} from "matrix-js-sdk/lib/matrix.js";
import type { Conversations } from "./conversations.ts";
import { bodyOf, personOf } from "./events.ts";
import type { Mxc, MessageBody, Person } from "./types.ts";

export interface Notice {
  roomId: string;
  eventId: string;
  /** What the conversation is called. */
  room: string;
  direct: boolean;
  sender: Person;
  avatar?: Mxc;
  body: MessageBody;
  highlight: boolean;
  /** The push rules ask for a sound. */
  sound: boolean;
}

/** What is older is catching up, not news, in milliseconds. */
const RECENT = 120_000;
/** How long a message whose key has not come yet waits for it before it is told of without its text, in milliseconds. */
const KEY_WITHIN = 4_000;

export function watchNotices(
  client: MatrixClient,
  conversations: Conversations,
  tell: (notice: Notice) => void,
): () => void {
  const arrived: MatrixEvent[] = [];
  const keyless = new Map<MatrixEvent, ReturnType<typeof setTimeout>>();
  const consider = (event: MatrixEvent) => {
    const notice = noticeOf(client, conversations, event);
    if (notice !== undefined) tell(notice);
  };
  const onDecrypted = (event: MatrixEvent) => {
    const timer = keyless.get(event);
    if (event.isDecryptionFailure()) {
      if (timer === undefined) keyless.set(event, setTimeout(settle, KEY_WITHIN, event));
      return;
    }
    clearTimeout(timer);
    settle(event);
  };
  const settle = (event: MatrixEvent) => {
    keyless.delete(event);
    event.off(MatrixEventEvent.Decrypted, onDecrypted);
    consider(event);
  };
  const onTimeline = (
    event: MatrixEvent,
    room: Room | undefined,
    toStart: boolean | undefined,
    removed: boolean,
    data: { liveEvent?: boolean },
  ) => {
    if (room === undefined || toStart === true || removed || data.liveEvent !== true) return;
    arrived.push(event);
  };
  // An answer of the server brings receipts after the messages that they are for.
  const onSync = () => {
    for (const event of arrived.splice(0)) {
      if (event.isBeingDecrypted() || event.shouldAttemptDecryption())
        event.on(MatrixEventEvent.Decrypted, onDecrypted);
      else consider(event);
    }
  };
  client.on(RoomEvent.Timeline, onTimeline);
  client.on(ClientEvent.Sync, onSync);
  return () => {
    for (const [event, timer] of keyless) {
      clearTimeout(timer);
      event.off(MatrixEventEvent.Decrypted, onDecrypted);
    }
    client.off(RoomEvent.Timeline, onTimeline);
    client.off(ClientEvent.Sync, onSync);
  };
}

function noticeOf(client: MatrixClient, conversations: Conversations, event: MatrixEvent): Notice | undefined {
  const room = client.getRoom(event.getRoomId());
  const sender = event.getSender();
  const eventId = event.getId();
  if (room === null || sender === undefined || eventId === undefined || sender === client.getUserId()) return undefined;
  if (event.getTs() < Date.now() - RECENT || client.isUserIgnored(sender)) return undefined;
  // Read on another device before it came here.
  if (room.hasUserReadEvent(client.getSafeUserId(), eventId)) return undefined;
  const actions = client.getPushActionsForEvent(event);
  const body = bodyOf(event, room);
  if (actions?.notify !== true || body === undefined) return undefined;
  const conversation = conversations.get(room.roomId);
  const person = personOf(room, sender);
  const direct = conversation?.direct ?? false;
  return {
    roomId: room.roomId,
    eventId,
    room: conversation?.name ?? room.name,
    direct,
    sender: person,
    avatar: direct ? (conversation?.avatar ?? person.avatar) : (conversation?.avatar ?? undefined),
    body,
    highlight: actions.tweaks.highlight === true,
    sound: actions.tweaks.sound !== undefined,
  };
}
