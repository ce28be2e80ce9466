import type { writing as english } from "../en/writing.ts";

export const writing: Record<keyof typeof english, string> = {
  "attach.files": "照片或文件",
  "attach.place": "位置",
  "location.send.title": "发送位置",
  "location.own": "使用我的当前位置",
  "location.denied": "浏览器未获准提供你的位置。请在此页面的设置中允许，或粘贴坐标。",
  "location.failed": "无法确定你的位置。请重试，或粘贴坐标。",
  "location.text": "坐标或地图链接",
  "location.text.hint": "例如 39.9087, 116.3975",
  "location.text.unread": "没有从中找到坐标。",
  "location.label": "地点名称（可选）",
  "location.preview": "将发送的内容",
  "location.send": "发送位置",
  "location.map": "在 openstreetmap.org 上查看",
  "maths.preview": "公式",
  "maths.hint": "用 \\$ 输入美元符号",
  "maths.source": "无法识别，将按原样显示",
};
