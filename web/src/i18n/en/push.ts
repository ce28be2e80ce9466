/** What notifications say. The service worker has these alone, so that it stays small. */
export const push = {
  "push.title": "{name} in {room}",
  "push.message": "New message",
  "push.photo": "Sent a photo",
  "push.video": "Sent a video",
  "push.audio": "Sent an audio message",
  "push.file": "Sent a file: {name}",
  "push.sticker": "Sent a sticker",
  "push.location": "Shared a location",
  "push.poll": "Asks: {question}",
  "push.emote": "{name} {text}",
  "push.invite": "Invites you to a chat",
  "push.invite.room": "Invites you to {room}",
  "push.knock": "Asks to join {room}",
  "push.call": "Is calling you",
  "push.call.over": "Has called you",
  "push.call.group": "Started a call",
} as const;
