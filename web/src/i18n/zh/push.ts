/** What notifications say. */
import type { push as english } from "../en/push.ts";

export const push: Record<keyof typeof english, string> = {
  "push.title": "{room}：{name}",
  "push.message": "新消息",
  "push.photo": "发来一张图片",
  "push.video": "发来一段视频",
  "push.audio": "发来一条语音",
  "push.file": "发来文件：{name}",
  "push.sticker": "发来一张贴纸",
  "push.location": "分享了位置",
  "push.poll": "发起投票：{question}",
  "push.emote": "{name}：{text}",
  "push.invite": "邀请你聊天",
  "push.invite.room": "邀请你加入 {room}",
  "push.knock": "申请加入 {room}",
  "push.call": "正在呼叫你",
  "push.call.over": "曾呼叫你",
  "push.call.group": "发起了通话",
};
