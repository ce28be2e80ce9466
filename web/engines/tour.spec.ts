/** A first day with the client: an encrypted chat with somebody who uses another client, and all that one does in it. */
import { writeFile } from "node:fs/promises";
import { picture as makePicture } from "../e2e/files.ts";
import { Peer } from "../e2e/peer.ts";
import { expect, test } from "./test.ts";

const BASE = process.env.IM2_BASE_URL ?? "";

test("a first day: an encrypted chat, what is done in it, and coming back to it", async ({ ana, picture }, info) => {
  const { screen } = ana;
  const bo = await Peer.register(BASE, "bo");
  let room = "";

  await test.step("a direct chat begins with a search, and is encrypted", async () => {
    await ana.startChat(bo.name);
    await ana.say("Hello Bo");
    room = await bo.join();
    await bo.reads(room, "Hello Bo");
    await screen.see({ css: ".header__lock" });
    await bo.send(room, "m.room.message", { msgtype: "m.text", body: "Hello Ana" });
    await screen.see(ana.message("Hello Ana"));
  });

  await test.step("Markdown becomes what it means, on both sides", async () => {
    await screen.fill(ana.composer, "**bold** and `code`");
    await screen.press("Enter");
    await ana.sent("bold and code");
    await screen.see({ css: "strong", text: "bold", within: ana.message("bold and code") });
    const content = await bo.reads(room, "**bold** and `code`");
    expect(content.formatted_body).toContain("<strong>bold</strong>");
  });

  await test.step("an emoji is completed by its name", async () => {
    await screen.fill(ana.composer, "Nice :sunfl");
    await screen.see({ role: "option", text: "sunflower" });
    await screen.press("Enter");
    await expect.poll(() => screen.value(ana.composer)).toBe("Nice 🌻");
    await screen.type(" day");
    await screen.press("Enter");
    await ana.sent("Nice 🌻 day");
  });

  await test.step("a reaction, a reply and an edit", async () => {
    await ana.openMenu("Hello Ana");
    await screen.click({ role: "button", name: "React with 👍" });
    await screen.see({ css: ".reaction", text: "1", within: ana.message("Hello Ana") });
    const event = await bo.event(room, "Hello Ana");
    expect(await bo.reactionsTo(room, event.getId() ?? "")).toEqual(["👍"]);
    await ana.act("Hello Ana", "Reply");
    await screen.see({ css: ".composer__mode" });
    await screen.type("This answers that");
    await screen.press("Enter");
    await ana.sent("This answers that");
    await screen.see({ css: ".quote", text: "Hello Ana", within: ana.message("This answers that") });
    await screen.press("ArrowUp");
    await expect.poll(() => screen.value(ana.composer)).toBe("This answers that");
    await screen.press("End");
    await screen.type(", and more");
    await screen.press("Enter");
    await ana.sent("This answers that, and more");
    await screen.see({ css: ".message", text: "edited" });
  });

  await test.step("a picture is sent, shown and opened", async () => {
    const file = info.outputPath("sunset.png");
    await writeFile(file, makePicture("sunset.png", 1200, 900).buffer);
    await screen.driver.chooseFiles("input[type=file]", [file]);
    await screen.click({ css: ".dialog .button--primary" });
    await screen.see({ css: ".picture img" });
    const content = await bo.reads(room, "sunset.png");
    expect((await bo.download(content)).equals(makePicture("sunset.png", 1200, 900).buffer)).toBe(true);
    await bo.sendPicture(room, "harbour.png", makePicture("harbour.png").buffer);
    const widths = () =>
      screen.run(() => im2Find({ css: ".picture img" }).map((image) => (image as HTMLImageElement).naturalWidth > 100));
    await expect.poll(widths, { timeout: 30_000 }).toEqual([true, true]);
    await screen.click({ css: ".picture img" });
    await screen.see({ css: ".lightbox img" });
    await picture("viewer");
    await screen.press("Escape");
    await screen.gone({ css: ".lightbox" });
    await picture("chat");
  });

  await test.step("after a reload the session and what was read are there", async () => {
    await screen.driver.reload();
    await screen.see(ana.message("Hello Bo"));
    await screen.see(ana.message("This answers that, and more"));
    // What the account keeps came before the reload and does not come again: that the chat is with one person.
    await screen.see({ css: ".header", text: `@${bo.name}` });
    await ana.say("After the reload");
    await bo.reads(room, "After the reload");
  });

  let key = "";
  await test.step("the recovery key is saved", async () => {
    await screen.click({ role: "button", name: "Set up", within: { css: ".reminder" } });
    key = await screen.text({ css: "output.recovery-key" });
    expect(key).toMatch(/^(\w{4} ?)+$/);
    await picture("recovery");
    await screen.click({ role: "button", name: "I have saved it" });
    await screen.see({ css: ".dialog", text: "Your messages are safe" }, 40_000);
    await screen.click({ css: ".dialog .button--primary" });
    await screen.gone({ css: ".reminder" });
  });

  await test.step("signing out leaves nothing of the account", async () => {
    await expect.poll(() => ana.keysInBackup(), { timeout: 40_000 }).toBeGreaterThan(1);
    await screen.goto("/settings");
    await screen.click({ role: "button", name: "Sign out" });
    await screen.click({ css: ".dialog .button--danger" });
    await screen.see({ css: "input[type=password]" });
    const kept = () =>
      screen.run(async () => {
        const databases = await indexedDB.databases();
        return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases.map(({ name }) => name)]);
      });
    await expect.poll(kept).not.toContain(ana.name);
  });

  await test.step("signed in again, the recovery key makes the history readable", async () => {
    await ana.signIn();
    await screen.click({ role: "button", name: "Verify", within: { css: ".reminder" } });
    await screen.click({ role: "button", text: "Use your recovery key" });
    await screen.fill({ css: ".dialog input" }, key);
    await screen.press("Enter");
    await screen.see({ css: ".dialog", text: "This session is verified" }, 40_000);
    await screen.click({ css: ".dialog .button--primary" });
    await screen.click(ana.chat(bo.name));
    await screen.see(ana.message("Hello Bo"), 40_000);
    await screen.see(ana.message("After the reload"));
  });
  bo.stop();
});
