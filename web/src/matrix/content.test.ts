// @vitest-environment jsdom
import { parseRichText } from "../lib/richtext.ts";
import { expect, test } from "vitest";
import { captionContent, editableText, editContent, textContent, voiceContent } from "./content.ts";

const ANA = { label: "@Ana Lima", id: "@ana:example.org" };
const BO = { label: "@Bo", id: "@bo:example.org" };

test("text without markup or mentions is only itself", () => {
  expect(textContent("hello")).toEqual({ msgtype: "m.text", body: "hello", "m.mentions": {} });
});

test("who is mentioned, and whom it answers, is told", () => {
  const content = textContent("hi @Ana Lima", { mentions: [ANA, BO] }, "@eve:example.org");
  expect(content["m.mentions"]).toEqual({ user_ids: [ANA.id, "@eve:example.org"] });
  expect(content.formatted_body).toContain('href="https://matrix.to/#/@ana:example.org"');
  expect(textContent("hi @Ana Lima", { mentions: [ANA] }, ANA.id)["m.mentions"]).toEqual({ user_ids: [ANA.id] });
});

test("everybody is told only by those who may", () => {
  expect(textContent("@room now", { everyone: true })["m.mentions"]).toEqual({ room: true });
  expect(textContent("@room now")["m.mentions"]).toEqual({});
  expect(textContent("@roommate", { everyone: true })["m.mentions"]).toEqual({});
});

test("an edit tells only those who are new in it", () => {
  const edit = editContent("$1", "@Ana Lima and @Bo", { mentions: [ANA, BO], mentionedBefore: [ANA.id] });
  expect(edit["m.mentions"]).toEqual({ user_ids: [BO.id] });
  expect(edit["m.new_content"]).toMatchObject({ "m.mentions": { user_ids: [ANA.id, BO.id] } });
  expect(edit.body).toBe("* @Ana Lima and @Bo");
});

test("a message comes back to be edited with its mentions", () => {
  const { body, formatted_body: html } = textContent("hi @Ana Lima, **you**", { mentions: [ANA] });
  expect(editableText(body, html)).toEqual({ text: "hi @Ana Lima, **you**", mentions: [ANA], emotes: [] });
  const foreign = '<a href="https://matrix.to/#/@ana:example.org">Ana Lima</a>: look, Ana Lima';
  expect(editableText("Ana Lima: look, Ana Lima", foreign)).toEqual({
    text: "@Ana Lima: look, Ana Lima",
    mentions: [ANA],
    emotes: [],
  });
  expect(editableText("plain", undefined)).toEqual({ text: "plain", mentions: [], emotes: [] });
});

test("a picture within a text goes as one, and comes back to be edited", () => {
  const cat = { code: "cat", mxc: "mxc://example.org/abc", name: 'a "waving" cat' };
  const { body, formatted_body: html } = textContent("hi :cat: `:cat:` :dog:", { emotes: [cat] });
  expect(body).toBe("hi :cat: `:cat:` :dog:");
  expect(html).toBe(
    'hi <img data-mx-emoticon src="mxc://example.org/abc" alt="a &quot;waving&quot; cat" title="cat" height="32" />' +
      " <code>:cat:</code> :dog:",
  );
  expect(editableText(body, html).emotes).toEqual([cat]);
  expect(parseRichText('<img data-mx-emoticon src="https://example.org/a.png" alt="x">')).toEqual(["x"]);
});

test("the styles and formats of commands", () => {
  expect(textContent("waves", { style: "emote" }).msgtype).toBe("m.emote");
  expect(textContent("**a**", { format: "plain" })).not.toHaveProperty("formatted_body");
  expect(textContent("<b>a</b>", { format: "html" })).toMatchObject({ body: "a", formatted_body: "<b>a</b>" });
  expect(textContent("a < b", { format: "spoiler" })).toMatchObject({
    body: "||a < b||",
    formatted_body: '<span data-mx-spoiler="">a &lt; b</span>',
  });
});

test("captions and voice messages", () => {
  expect(captionContent("cat.png", " my cat ")).toEqual({ body: "my cat", filename: "cat.png" });
  expect(captionContent("cat.png", " ")).toBeUndefined();
  const voice = voiceContent(1200, [0, 1024], { size: 5, type: "audio/ogg" });
  expect(voice["org.matrix.msc3245.voice"]).toEqual({});
  expect(voice["org.matrix.msc1767.audio"]).toEqual({ duration: 1200, waveform: [0, 1024] });
});
