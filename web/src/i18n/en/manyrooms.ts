/** Conversations that are not on this device yet. */
export const manyRooms = {
  "conversation.away.title": "Not on this device yet",
  "conversation.away.text": "This chat opens as soon as you are connected again.",
};
