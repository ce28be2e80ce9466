import { expect, test } from "vitest";
import { en } from "../i18n/en.ts";
import { translator } from "../i18n/translate.ts";
import { zh } from "../i18n/zh.ts";
import type { MessageBody, Preview } from "../matrix/types.ts";
import { changeText, isBeginning, previewText, typingText } from "./summary.ts";

const t = translator(en, "en");
const ana = { id: "@ana:example.org", name: "Ana" };
const text = (value: string): MessageBody => ({ kind: "text", style: "text", text: value });
const photo: MessageBody = { kind: "image", media: { mxc: "mxc://a/b", name: "cat.png" } };

function preview(body: MessageBody, own = false): Preview {
  return { sender: ana, own, body, timestamp: 0, status: "sent" };
}

test("a group says who wrote, a direct chat does not need to", () => {
  expect(previewText(preview(photo), false, t)).toBe("Ana: Photo");
  expect(previewText(preview(photo), true, t)).toBe("Photo");
  expect(previewText(preview(text("hi"), true), true, t)).toBe("You: hi");
  expect(previewText(preview(photo), false, translator(zh, "zh-CN"))).toBe("Ana：图片");
});

test("the name before what somebody does is set off from it", () => {
  const waves: MessageBody = { kind: "text", style: "emote", text: "1 waves" };
  expect(previewText(preview(waves), false, t)).toBe("Ana 1 waves");
  const sender = { ...ana, name: "שלום" };
  expect(previewText({ ...preview(waves), sender }, false, t)).toBe("\u2068שלום\u2069 1 waves");
});

test("a preview is one line", () => {
  expect(previewText(preview(text("a\n\n b ")), true, t)).toBe("a b");
  expect(previewText(preview(text("x".repeat(5000))), true, t).length).toBe(300);
});

test("changes name both people", () => {
  expect(changeText({ what: "invited", target: { id: "@b:c", name: "Bo" } }, ana, t)).toBe("Ana invited Bo");
  expect(changeText({ what: "named", name: "" }, ana, t)).toBe("Ana removed the group’s name");
  const call = { what: "call", video: false } as const;
  expect(changeText(call, ana, t)).toBe("Ana started a call");
  expect(changeText({ ...call, outcome: { how: "answered", lasted: 720_000 } }, ana, t)).toBe(
    "Ana started a call · 12 min",
  );
  expect(changeText({ ...call, outcome: { how: "missed", lasted: 0 } }, ana, t)).toBe("Missed call from Ana");
  expect(changeText({ ...call, video: true, outcome: { how: "declined", lasted: 0 } }, ana, t)).toBe(
    "Ana started a video call · declined",
  );
  expect(changeText({ what: "called", from: "Ana", to: "Anna" }, ana, t)).toBe("Ana is now called Anna");
});

test("one's own doings are told as such", () => {
  const me = { ...ana, me: true as const };
  expect(changeText({ what: "created" }, me, t)).toBe("You created the group");
  expect(changeText({ what: "guestsIn" }, me, t)).toBe("You allowed guests to join");
  const admission = changeText({ what: "admission", who: "knock" }, me, t);
  expect(admission).toBe("You changed who can join: People who ask and are let in");
  expect(changeText({ what: "guestsOut" }, me, t)).toBe("You stopped guests from joining");
  expect(changeText({ what: "knocked" }, me, t)).toBe("You asked to join");
  expect(changeText({ what: "invited", target: me }, { id: "@b:c", name: "Bo" }, t)).toBe("Bo invited you");
});

test("a direct chat without a message asks for one", () => {
  expect(previewText(preview({ kind: "change", change: { what: "created" } }), true, t)).toBe("Say hello!");
  expect(previewText(preview({ kind: "change", change: { what: "left" } }), true, t)).toBe("Ana left");
});

test("a direct chat begins with the words that came with the invitation", () => {
  const bo = { id: "@b:c", name: "Bo" };
  const change = { what: "invited", target: bo, reason: "We met at\nthe bakery" } as const;
  expect(previewText(preview({ kind: "change", change }), true, t)).toBe("We met at the bakery");
  expect(previewText(preview({ kind: "change", change }, true), true, t)).toBe("You: We met at the bakery");
  expect(previewText(preview({ kind: "change", change }), false, t)).toBe("Ana invited Bo: We met at the bakery");
  expect(isBeginning(change)).toBe(false);
  expect(isBeginning({ what: "invited", target: bo })).toBe(true);
});

test("typing names up to two people", () => {
  expect(typingText(["Ana"], t)).toBe("Ana is typing…");
  expect(typingText(["Ana", "Bo"], t)).toBe("Ana and Bo are typing…");
  expect(typingText(["Ana", "Bo", "Cy"], t)).toBe("Several people are typing…");
});
