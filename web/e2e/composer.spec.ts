/** Layers, and what is written, formatted, completed and recorded. */
import { expect, test } from "@playwright/test";
import { call, createRoom, userIdOf } from "./api.ts";
import { picture } from "./files.ts";
import { freshName, Person } from "./people.ts";

test("layers take the focus, move by keys, close topmost first and give the focus back", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("Layers"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await ana.say("Something to act on");

  await test.step("the menu of a message, opened by Enter", async () => {
    await ana.message("Something to act on").focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("menu")).toBeVisible();
    await expect(page.locator(".quick-reactions button").first()).toBeFocused();
    await page.getByRole("menuitem").first().focus();
    await page.keyboard.press("ArrowDown");
    await expect(page.getByRole("menuitem").nth(1)).toBeFocused();
    await page.keyboard.press("End");
    await expect(page.getByRole("menuitem").last()).toBeFocused();
    await page.keyboard.press("ArrowDown");
    await expect(page.getByRole("menuitem").first()).toBeFocused();
    await page.keyboard.press("e");
    await expect(page.getByRole("menuitem", { name: "Edit" })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("menu")).toHaveCount(0);
    await expect(ana.message("Something to act on")).toBeFocused();
  });

  await test.step("a dialog that a menu leads to", async () => {
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Delete" }).press("Enter");
    await expect(page.getByRole("dialog", { name: "Delete this message?" })).toBeVisible();
    await expect.poll(() => page.locator(".dialog :focus").count()).toBe(1);
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(ana.message("Something to act on")).toBeFocused();
    await page.getByRole("button", { name: "New conversation" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("menuitem").first()).toBeFocused();
    await page.keyboard.press("n");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog", { name: "New group" }).getByLabel("Group name")).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(page.getByRole("button", { name: "New conversation" })).toBeFocused();
  });

  await test.step("Escape closes one layer at a time", async () => {
    await ana.act("Something to act on", "Reply");
    await expect(page.locator(".composer__mode")).toBeVisible();
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await expect(page.locator(".popover")).toBeVisible();
    await page.keyboard.press("Control+k");
    await expect(page.locator(".switcher")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.locator(".switcher")).toHaveCount(0);
    await page.keyboard.press("Escape");
    await expect(page.locator(".popover")).toHaveCount(0);
    await expect(page.locator(".composer__mode")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(page.locator(".composer__mode")).toHaveCount(0);
  });
  await ana.close();
});

test("who is mentioned is chosen by name, shown as such, and told", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const name = freshName("张 Bo");
  await bo.setDisplayName(name);
  const boId = await userIdOf(bo.page);
  const group = freshName("Kitchen");
  const alias = freshName("tea").toLowerCase();
  const roomId = await createRoom(ana.page, {
    name: group,
    preset: "public_chat",
    room_alias_name: alias,
    invite: [boId],
  });
  await call(bo.page, "POST", `/rooms/${encodeURIComponent(roomId)}/join`, {});
  await ana.page.goto(`/room/${roomId}`);
  await expect(ana.composer).toBeVisible();
  await bo.page.goto("/");

  await test.step("a person, by pinyin, with the keyboard", async () => {
    await ana.composer.pressSequentially("Hi @zhang");
    await expect(ana.page.getByRole("option")).toHaveCount(1);
    await expect(ana.page.getByRole("option")).toContainText(name);
    await ana.page.screenshot({ path: "test-output/screens/composer-mention.png" });
    await ana.composer.press("Enter");
    await expect(ana.composer).toHaveValue(`Hi @${name} `);
    await ana.composer.pressSequentially("and ||secret||");
    await ana.composer.press("Enter");
    await expect(ana.page.locator(".mention")).toHaveText(`@${name}`);
    await expect(bo.chat(group).locator(".chat-row__mention")).toBeVisible();
    await expect(bo.chat(group)).toContainText("▒▒▒");
    await bo.chat(group).click();
    await expect(bo.page.locator(".mention--me")).toHaveText(`@${name}`);
  });

  await test.step("an edit keeps the mention", async () => {
    await ana.composer.press("ArrowUp");
    await expect(ana.composer).toHaveValue(`Hi @${name} and ||secret||`);
    await ana.composer.fill(`Hi @${name}, edited`);
    await ana.composer.press("Enter");
    await expect(bo.message(`Hi @${name}, edited`).locator(".mention--me")).toHaveCount(1);
  });

  await test.step("a room, and what is in code is none", async () => {
    await ana.composer.pressSequentially(`See #${group.slice(0, 5)}`);
    await ana.composer.press("Tab");
    await ana.composer.pressSequentially("not `@room`");
    await ana.composer.press("Enter");
    const link = bo.message("See").locator("a.mention--room");
    await expect(link).toHaveText(`#${group}`);
    await link.click();
    await expect(bo.page).toHaveURL(new RegExp(`/room/${encodeURIComponent(roomId).replace(/%3A/g, ":")}`));
  });

  await test.step("Escape puts the suggestions away, and only them", async () => {
    await ana.composer.pressSequentially("@");
    await expect(ana.page.getByRole("listbox")).toBeVisible();
    await ana.composer.press("Escape");
    await expect(ana.page.getByRole("listbox")).toHaveCount(0);
    await expect(ana.composer).toHaveValue("@");
    await ana.composer.fill("");
  });

  await test.step("an input method chooses for itself", async () => {
    const client = await ana.page.context().newCDPSession(ana.page);
    await ana.composer.pressSequentially("@");
    await expect(ana.page.getByRole("listbox")).toBeVisible();
    await client.send("Input.imeSetComposition", { selectionStart: 5, selectionEnd: 5, text: "zhang" });
    const enter = { type: "rawKeyDown", key: "Enter", code: "Enter", windowsVirtualKeyCode: 229 } as const;
    await client.send("Input.dispatchKeyEvent", enter);
    await client.send("Input.insertText", { text: "张" });
    await expect(ana.composer).toHaveValue("@张");
    await ana.composer.press("Enter");
    await expect(ana.composer).toHaveValue(`@${name} `);
    await ana.composer.fill("");
  });

  await test.step("a draft follows the account", async () => {
    await call(
      ana.page,
      "PUT",
      `/user/${encodeURIComponent(await userIdOf(ana.page))}/rooms/${encodeURIComponent(roomId)}/account_data/im2.draft`,
      {
        text: "from the phone",
        time: Date.now() + 1000,
      },
    );
    await expect(ana.composer).toHaveValue("from the phone");
    await ana.composer.fill("from the desk");
    await expect
      .poll(async () => {
        const path = `/user/${encodeURIComponent(await userIdOf(ana.page))}/rooms/${encodeURIComponent(roomId)}/account_data/im2.draft`;
        return (await call<{ text: string }>(ana.page, "GET", path)).text;
      })
      .toBe("from the desk");
    await ana.composer.fill("");
  });
  await ana.close();
  await bo.close();
});

test("what is written is formatted, completed, carried out and sent when it is wanted", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("Workshop"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await expect(ana.composer).toBeVisible();

  await test.step("keys and buttons format the selection, and can be undone", async () => {
    await ana.composer.fill("make this bold");
    await ana.composer.evaluate((element: HTMLTextAreaElement) => element.setSelectionRange(5, 9));
    await ana.composer.press("Control+b");
    await expect(ana.composer).toHaveValue("make **this** bold");
    await ana.composer.press("Control+z");
    await expect(ana.composer).toHaveValue("make this bold");
    await ana.composer.evaluate((element: HTMLTextAreaElement) => element.setSelectionRange(5, 9));
    await expect(page.getByRole("toolbar", { name: "Formatting" })).toBeVisible();
    await page.screenshot({ path: "test-output/screens/composer-format.png" });
    await page.getByRole("button", { name: "Italic" }).click();
    await expect(ana.composer).toHaveValue("make *this* bold");
    await ana.composer.evaluate((element: HTMLTextAreaElement) => element.setSelectionRange(6, 10));
    await ana.composer.press("Control+k");
    await expect(ana.composer).toHaveValue("make *[this](https://)* bold");
    await expect(page.locator(".switcher")).toHaveCount(0);
    await ana.composer.fill("");
  });

  await test.step("tables, nested lists and code with colours", async () => {
    await ana.composer.fill(
      '| tea | price |\n|---|---|\n| green | 3 |\n\n- one\n  - two\n\n```rust\nfn main() {\n    // say hello\n    println!("hello");\n}\n```\n> quoted **words**\n\nit was ||the butler||',
    );
    await ana.composer.press("Enter");
    const message = page.locator(".message").last();
    await expect(message.locator("table td")).toHaveText(["green", "3"]);
    await expect(message.locator("ul ul li")).toHaveText("two");
    await expect(message.locator('[data-kind="keyword"]')).toHaveText("fn");
    await expect(message).not.toContainText("**");
    await page.screenshot({ path: "test-output/screens/composer-rich.png" });
    await message.getByRole("button", { name: "Show the spoiler" }).click();
    await expect(message.locator(".spoiler--shown")).toHaveText("the butler");
  });

  await test.step("an emoji by its short code", async () => {
    await ana.composer.pressSequentially("well done :tad");
    await expect(page.getByRole("option").first()).toContainText(":tada:");
    await ana.composer.press("Enter");
    await expect(ana.composer).toHaveValue("well done 🎉");
    await ana.composer.press("Enter");
    await expect(ana.message("well done 🎉")).toHaveAttribute("data-status", "sent");
  });

  await test.step("the picker is searched, has tones, and remembers", async () => {
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await expect(page.getByRole("searchbox", { name: "Search emoji" })).toBeFocused();
    await expect(page.locator("[data-group=smileys] button").first()).toBeVisible();
    await page.screenshot({ path: "test-output/screens/composer-emoji.png" });
    await page.getByRole("button", { name: "Skin tone" }).click();
    await page.getByRole("button", { name: "Medium dark" }).click();
    await page.getByRole("searchbox", { name: "Search emoji" }).fill("thumbs up");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(ana.composer).toHaveValue("👍🏾");
    await expect(ana.composer).toBeFocused();
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await expect(page.locator("[data-group=recent] button").first()).toHaveText("👍🏾");
    await page.keyboard.press("Escape");
    await ana.composer.fill("");
  });

  await test.step("commands are listed, told when unknown, and escaped", async () => {
    await ana.composer.pressSequentially("/");
    await expect(page.getByRole("option").first()).toContainText("/me");
    await page.screenshot({ path: "test-output/screens/composer-commands.png" });
    await ana.composer.fill("/dance");
    await ana.composer.press("Enter");
    await expect(page.getByRole("alert")).toContainText("There is no command /dance");
    await expect(ana.composer).toHaveValue("/dance");
    await ana.composer.fill("//dance");
    await ana.composer.press("Enter");
    await expect(ana.message("/dance")).toHaveAttribute("data-status", "sent");
    await ana.composer.fill("/shrug oh well");
    await ana.composer.press("Enter");
    await expect(ana.message("¯\\_(ツ)_/¯ oh well")).toBeVisible();
    await ana.composer.fill("/me waves");
    await ana.composer.press("Enter");
    await expect(page.locator('[data-style="emote"]')).toContainText("waves");
    await ana.composer.fill("/topic All about tea");
    await ana.composer.press("Enter");
    await expect(page.locator(".timeline")).toContainText("All about tea");
    await expect(ana.composer).toHaveValue("");
  });

  await test.step("files have captions", async () => {
    await page.locator("input[type=file]").setInputFiles([picture("one.png", 320, 200), picture("two.png", 320, 200)]);
    await page.getByLabel("Caption for two.png").fill("the second one");
    await page.screenshot({ path: "test-output/screens/composer-files.png" });
    await page.getByRole("button", { name: "Do not send one.png" }).click();
    await page.getByRole("button", { name: "Send 1 file" }).click();
    await expect(ana.message("the second one").locator(".picture")).toBeVisible();
  });

  await test.step("without sound, later, and not at all", async () => {
    await ana.composer.fill("psst");
    await page.getByRole("button", { name: "How to send" }).click();
    await page.screenshot({ path: "test-output/screens/composer-more.png" });
    await page.getByRole("menuitem", { name: "Send without sound" }).click();
    await expect(page.locator('[data-style="notice"]')).toContainText("psst");
    await ana.composer.fill("good **morning**");
    await page.getByRole("button", { name: "How to send" }).click();
    await page.getByRole("menuitem", { name: "Send later…" }).click();
    await page.getByRole("button", { name: "Tomorrow morning" }).click();
    await page.screenshot({ path: "test-output/screens/composer-later.png" });
    await page.getByRole("button", { name: "Schedule" }).click();
    await expect(ana.composer).toHaveValue("");
    await page.reload();
    await page.getByRole("button", { name: "1 message will be sent later" }).click();
    await expect(page.locator(".later__list")).toContainText("good **morning**");
    await page.getByRole("button", { name: "Do not send: good **morning**" }).click();
    await expect(page.locator(".later__list")).toHaveCount(0);
  });

  await test.step("Enter breaks the line for who wants that", async () => {
    await ana.composer.fill("one");
    await page.getByRole("button", { name: "How to send" }).click();
    await page.getByRole("menuitem", { name: "Send with Ctrl+Enter" }).click();
    await ana.composer.press("Enter");
    await ana.composer.pressSequentially("two");
    await expect(ana.composer).toHaveValue("one\ntwo");
    await ana.composer.press("Control+Enter");
    await expect(ana.message("one")).toContainText("two");
    await expect(ana.composer).toHaveValue("");
  });
  await ana.close();
});

test("a voice message is recorded, heard before it is sent, and played by the other", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const boId = await userIdOf(bo.page);
  const group = freshName("Voices");
  const roomId = await createRoom(ana.page, { name: group, preset: "private_chat", invite: [boId] });
  await call(bo.page, "POST", `/rooms/${encodeURIComponent(roomId)}/join`, {});
  await ana.page.goto(`/room/${roomId}`);
  await bo.page.goto(`/room/${roomId}`);
  const { page } = ana;
  const timer = page.getByRole("timer");

  await test.step("what is recorded can be discarded", async () => {
    await page.getByRole("button", { name: "Record a voice message" }).click();
    await expect(timer).not.toHaveText("0:00");
    await page.screenshot({ path: "test-output/screens/composer-recording.png" });
    await page.getByRole("button", { name: "Discard the recording" }).click();
    await expect(ana.composer).toBeVisible();
    await expect(page.locator(".message")).toHaveCount(0);
  });

  await test.step("held, it ends with the finger; then it is heard", async () => {
    await page.getByRole("button", { name: "Record a voice message" }).hover();
    await page.mouse.down();
    await expect(timer).not.toHaveText("0:00");
    await page.mouse.up();
    await page.getByRole("button", { name: "Play" }).click();
    await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();
    await page.screenshot({ path: "test-output/screens/composer-review.png" });
    await page.getByRole("button", { name: "Send the voice message" }).click();
    await expect(page.locator(".message .voice")).toBeVisible();
    await expect(ana.composer).toBeVisible();
  });

  await test.step("the other sees its shape, plays it faster, and goes back in it", async () => {
    const voice = bo.page.locator(".message .voice");
    await expect(voice).toHaveAttribute("aria-label", /Voice message, 0:0[1-9]/);
    await expect(bo.chat(group)).toContainText("Voice message");
    expect(
      new Set(await voice.locator("rect").evaluateAll((bars) => bars.map((bar) => bar.getAttribute("height")))).size,
    ).toBeGreaterThan(1);
    await voice.getByRole("button", { name: "Speed: 1" }).click();
    await expect(voice.getByRole("button", { name: "Speed: 1.5" })).toBeVisible();
    await voice.getByRole("button", { name: "Play" }).click();
    const sound = voice.locator("audio");
    await expect
      .poll(() => sound.evaluate((audio: HTMLAudioElement) => audio.currentTime > 0.1 || audio.ended))
      .toBe(true);
    expect(await sound.evaluate((audio: HTMLAudioElement) => audio.playbackRate)).toBe(1.5);
    await expect(voice.getByRole("button", { name: "Play" })).toBeVisible();
    await voice.getByRole("slider").focus();
    await bo.page.keyboard.press("ArrowRight");
    await expect.poll(() => sound.evaluate((audio: HTMLAudioElement) => audio.currentTime)).toBeCloseTo(0.1, 1);
    await bo.page.screenshot({ path: "test-output/screens/composer-voice.png" });
  });
  await ana.close();
  await bo.close();
});

test("on a phone, in Chinese and in the dark", async ({ browser }) => {
  const options = { viewport: { width: 390, height: 844 }, locale: "zh-CN", colorScheme: "dark" } as const;
  const ana = await Person.register(browser, "ana", options);
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("口袋"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await expect(ana.composer).toBeVisible();
  const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  await ana.composer.pressSequentially("/");
  await expect(page.getByRole("option").first()).toContainText("描述你的动作");
  await page.screenshot({ path: "test-output/screens/composer-phone-commands.png" });
  expect(await fits()).toBe(true);
  await ana.composer.fill("好:庆祝");
  await expect(page.getByRole("option").first()).toContainText(/\p{Script=Han}/u);
  await ana.composer.fill("");
  await page.getByRole("button", { name: "插入表情" }).click();
  await expect(page.locator("[data-group=smileys] button").first()).toBeVisible();
  await page.screenshot({ path: "test-output/screens/composer-phone-emoji.png" });
  expect(await fits()).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "录制语音消息" }).click();
  await expect(page.getByRole("timer")).not.toHaveText("0:00");
  await page.screenshot({ path: "test-output/screens/composer-phone-recording.png" });
  await page.getByRole("button", { name: "停止并试听" }).click();
  await page.getByRole("button", { name: "发送语音消息" }).click();
  await expect(page.locator(".message .voice")).toBeVisible();
  await ana.composer.fill('```js\nconst tea = "绿茶"; // a comment that is long enough to be scrolled\n```');
  await page.getByRole("button", { name: "发送", exact: true }).click();
  await expect(page.locator('[data-kind="keyword"]')).toHaveText("const");
  await page.screenshot({ path: "test-output/screens/composer-phone.png" });
  expect(await fits()).toBe(true);
  await ana.close();
});
