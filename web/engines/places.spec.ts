/** Where the engines differ most: scrolling, layers and their keys, sizes, themes, languages, and the service worker. */
import { type Actor, ask, register, say } from "../e2e/actors.ts";
import { freshName } from "../e2e/people.ts";
import type { Person } from "./person.ts";
import { expect, test } from "./test.ts";

const room = (roomId: string) => `/rooms/${encodeURIComponent(roomId)}`;

/** A group of Ana and somebody else, who has said so much in it, a batch at a time. */
async function groupWith(ana: Person, name: string, messages: number): Promise<{ bo: Actor; roomId: string }> {
  const bo = await register(freshName("bo"));
  const options = { name, preset: "public_chat" };
  const { room_id: roomId } = await ask<{ room_id: string }>(bo, "POST", "/createRoom", options);
  for (let at = 1; at <= messages; at += 10) {
    // In order, so that the numbers are.
    for (let number = at; number < Math.min(at + 10, messages + 1); number++) {
      await say(bo, roomId, `number-${number}`, `Message number ${number}.`);
    }
  }
  await ask(bo, "POST", `${room(roomId)}/invite`, { user_id: await ana.userId() });
  await ana.screen.click(ana.chat(name));
  await ana.screen.click({ css: ".conversation-card .button--primary" });
  await ana.screen.see(ana.composer);
  return { bo, roomId };
}

test("a long chat does not move while older messages arrive, and a button leads back to the newest", async ({
  ana,
  picture,
}) => {
  const { screen } = ana;
  await groupWith(ana, freshName("History"), 300);
  await screen.see(ana.message("Message number 300."));
  const heights = () => screen.run(() => im2Find({ css: ".timeline__scroller" })[0]?.scrollHeight ?? 0);
  await expect.poll(heights).toBeGreaterThan(1600);

  await test.step("older messages are put above what is read, which stays where it is", async () => {
    // In the page, so that each frame is seen: the message at the top edge, and how far it has jumped at most.
    const seen = await screen.run(async () => {
      const scroller = im2Find({ css: ".timeline__scroller" })[0] as HTMLElement;
      const rows = () => [...scroller.querySelectorAll<HTMLElement>(".message")];
      const before = rows().length;
      scroller.scrollTop = 700;
      // A task after the frame: what observers of sizes have corrected by then is what was painted.
      const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      await frame();
      const edge = scroller.getBoundingClientRect().top;
      const first = rows().find((row) => row.getBoundingClientRect().top >= edge);
      const id = first?.dataset.eventId ?? "";
      const top = first?.getBoundingClientRect().top ?? 0;
      let jumped = 0;
      for (let frames = 0; frames < 1200 && rows().length === before; frames++) await frame();
      for (let frames = 0; frames < 60; frames++) {
        const row = scroller.querySelector(`[data-event-id="${CSS.escape(id)}"]`);
        jumped = Math.max(jumped, Math.abs((row?.getBoundingClientRect().top ?? Number.POSITIVE_INFINITY) - top));
        await frame();
      }
      return { added: rows().length - before, jumped };
    });
    expect(seen.added).toBeGreaterThan(0);
    expect(seen.jumped).toBeLessThan(2);
  });

  await test.step("scrolling on reaches the beginning", async () => {
    const reached = async () => {
      await screen.run(() => im2Find({ css: ".timeline__scroller" })[0]?.scrollBy({ top: -1500, behavior: "instant" }));
      return screen.count({ css: ".message", text: "Message number 1." });
    };
    await expect.poll(reached, { timeout: 60_000 }).toBe(1);
  });

  await test.step("and a button leads back", async () => {
    await screen.click({ role: "button", name: "Jump to the newest message" });
    const gap = () =>
      screen.run(() => {
        const scroller = im2Find({ css: ".timeline__scroller" })[0];
        return scroller === undefined ? Number.NaN : scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
      });
    await expect.poll(gap).toBeLessThan(2);
    await screen.see(ana.message("Message number 300."));
    await picture("long-chat");
  });
});

test("menus, dialogs and the switcher by keyboard; search finds; the service worker is there", async ({
  ana,
  picture,
}) => {
  const { screen } = ana;
  const name = freshName("Layers");
  await groupWith(ana, name, 3);
  await ana.say("Something to act on");

  await test.step("the menu of a message, opened by Enter", async () => {
    await screen.focus(ana.message("Something to act on"));
    await screen.press("Enter");
    await screen.see({ css: ".quick-reactions button:focus" });
    await screen.focus({ role: "menuitem", first: true });
    await screen.press("e");
    await expect.poll(() => screen.focused()).toContain("Edit");
    await picture("menu");
    await screen.press("Escape");
    await screen.gone({ role: "menu" });
    await expect.poll(() => screen.focused()).toContain("Something to act on");
  });

  await test.step("a dialog takes the focus and gives it back", async () => {
    await screen.press("Enter");
    await screen.see({ css: ".quick-reactions button:focus" });
    await screen.focus({ role: "menuitem", name: "Delete" });
    await screen.press("Enter");
    await screen.see({ role: "dialog", name: "Delete this message?" });
    await expect.poll(() => screen.count({ css: ".dialog :focus" })).toBe(1);
    await screen.press("Escape");
    await screen.gone({ role: "dialog" });
    await expect.poll(() => screen.focused()).toContain("Something to act on");
  });

  await test.step("the switcher finds the conversation", async () => {
    await screen.press("Control+k");
    await screen.see({ css: ".switcher" });
    await screen.type(name.slice(0, 12));
    await screen.see({ css: ".switcher [aria-selected=true]", text: name });
    await picture("switcher");
    await screen.press("Enter");
    await screen.gone({ css: ".switcher" });
  });

  await test.step("Enter that ends a composition does not send, also where its key comes after the end of it", async () => {
    await screen.fill(ana.composer, "ni hao");
    await screen.run(() => {
      const box = im2Find({ css: ".composer__input" })[0];
      // WebKit ends the composition first, and tells of the key by its code only.
      box?.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
      box?.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, data: "ni hao" }));
      const key = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, keyCode: 229 });
      box?.dispatchEvent(key);
    });
    expect(await screen.value(ana.composer)).toBe("ni hao");
    await screen.press("Enter");
    await ana.sent("ni hao");
  });

  await test.step("the service worker has been installed", async () => {
    expect(await screen.run(async () => (await navigator.serviceWorker.ready).active?.scriptURL ?? "")).toContain(
      "/sw.js",
    );
  });
});

test("themes, languages and the size of a phone", async ({ ana, picture }) => {
  const { screen } = ana;
  const name = freshName("Looks");
  await groupWith(ana, name, 12);
  await screen.fill(ana.composer, "How do **I** look? `fn main()` 🌻");
  await screen.press("Enter");
  await ana.sent("How do I look?");
  await picture("light-desktop");
  /** Nothing is wider than the page, which would be dragged about by a finger. */
  const fits = () => screen.run(() => document.documentElement.scrollWidth <= innerWidth);

  for (const [section, label] of [
    ["appearance", "Dark"],
    ["language", "简体中文"],
  ] as const) {
    await screen.click({ css: ".rail__link", text: "Settings" });
    await screen.click({ css: `a[href="/settings/${section}"].settings-list__item` });
    await screen.click({ role: "radio", name: label });
    await picture(`settings-${section}`);
  }
  await expect
    .poll(() => screen.run(() => [document.documentElement.dataset.theme, document.documentElement.lang]))
    .toEqual(["dark", "zh-CN"]);
  await screen.click({ css: ".rail__link", text: "聊天" });
  await screen.click(ana.chat(name));
  await screen.see(ana.message("How do"));
  await picture("dark-desktop");

  await screen.driver.resize(390, 844);
  await screen.see(ana.composer);
  expect(await fits()).toBe(true);
  await picture("dark-phone-chat");
  await screen.click({ css: ".back-button" });
  await screen.see(ana.chat(name));
  expect(await fits()).toBe(true);
  await picture("dark-phone-list");
});
