import type { manyRooms as english } from "../en/manyrooms.ts";

export const manyRooms: Record<keyof typeof english, string> = {
  "conversation.away.title": "此聊天尚未加载到本设备",
  "conversation.away.text": "恢复连接后会自动打开。",
};
