/**
 * Pictures of every screen in both languages, and with `IM2_LOOK=all` in both themes and both sizes, to be looked at. They
 * land in `test-output/`, and what is asserted is only that each screen comes up.
 */
import { type BrowserContextOptions, expect, type Page, test } from "@playwright/test";
import { call, createRoom, sendText, userIdOf } from "./api.ts";
import { picture } from "./files.ts";
import { FOR_EYES, SIZES } from "./look.ts";
import { PASSWORD, Person } from "./people.ts";

type Language = "en" | "zh";

interface Scene {
  ana: Person;
  bo: Person;
  direct: string;
  group: string;
  invited: string;
}

const WORDS = {
  en: {
    names: ["Ana Lima", "Bo Chen", "Cyrus Vandermeer-Oyelaran"],
    group: "Weekend hikers",
    topic: "Where we go, who drives, and what we eat on top.",
    other: "A group whose name is so long that no list could ever show all of it at once",
    invited: "Book club",
    talk: [
      "Morning! Did you see the forecast for Saturday?",
      "Yes, dry until the evening. I would start at **eight**.",
      "Eight is fine. I can take three people in the car 🚗",
      "Here is the route we talked about: https://example.org/routes/ridge-walk",
      "About 14 km, with 800 m up. We should be on top for lunch, if nobody stops at every flower again.",
      "I will bring:\n- bread and cheese\n- the small stove\n- coffee",
      "🎉",
    ],
    direct: ["See you tomorrow then", "Looking forward to it!", "Me too. Sleep well."],
  },
  zh: {
    names: ["林安娜", "陈博", "赛勒斯·范德米尔-奥耶拉兰"],
    group: "周末徒步小队",
    topic: "去哪里、谁开车、山顶吃什么。",
    other: "一个名字特别特别长以至于任何列表都不可能一次全部显示出来的群组名称示例",
    invited: "读书会",
    talk: [
      "早上好！看了周六的天气预报吗？",
      "看了，晚上之前都不下雨。我觉得**八点**出发比较好。",
      "八点可以，我的车能坐三个人 🚗",
      "这是我们之前说的路线：https://example.org/routes/ridge-walk",
      "全程大约 14 公里，爬升 800 米。如果没人再在每朵花前停下来，中午就能到山顶吃午饭。",
      "我来带：\n- 面包和奶酪\n- 小炉子\n- 咖啡",
      "🎉",
    ],
    direct: ["那明天见啦", "好期待！", "我也是，早点睡。"],
  },
};

async function setScene(browser: Parameters<typeof Person.register>[0], language: Language): Promise<Scene> {
  const words = WORDS[language];
  const options: BrowserContextOptions = { locale: language === "zh" ? "zh-CN" : "en-US" };
  const ana = await Person.register(browser, "ana", options);
  const bo = await Person.register(browser, "bo", options);
  const cy = await Person.register(browser, "cyrus", options);
  const people = [ana, bo, cy];
  const ids = await Promise.all(people.map(({ page }) => userIdOf(page)));
  for (const [index, { page }] of people.entries()) {
    const path = `/profile/${encodeURIComponent(ids[index] ?? "")}/displayname`;
    await call(page, "PUT", path, { displayname: words.names[index] });
  }
  const invite = ids.slice(1);
  await createRoom(ana.page, { name: words.other, preset: "private_chat" });
  const group = await createRoom(ana.page, { name: words.group, topic: words.topic, preset: "private_chat", invite });
  for (const { page } of [bo, cy]) await call(page, "POST", `/join/${encodeURIComponent(group)}`, {});
  const speakers = [bo, ana, cy, ana, ana, bo, cy];
  const sent: string[] = [];
  for (const [index, text] of words.talk.entries()) {
    const page = (speakers[index] ?? ana).page;
    if (index === 1 || index === 5) sent.push(await sendMarkdown(page, group, text));
    else sent.push(await sendText(page, group, text));
  }
  await react(bo.page, group, sent[2] ?? "", "👍");
  await react(cy.page, group, sent[2] ?? "", "👍");
  await react(ana.page, group, sent[5] ?? "", "❤️");
  const direct = await createRoom(ana.page, { preset: "trusted_private_chat", is_direct: true, invite: [ids[1]] });
  await call(bo.page, "POST", `/join/${encodeURIComponent(direct)}`, {});
  await call(ana.page, "PUT", `/user/${encodeURIComponent(ids[0] ?? "")}/account_data/m.direct`, {
    [ids[1] ?? ""]: [direct],
  });
  for (const [index, text] of words.direct.entries())
    await sendText(index % 2 === 0 ? bo.page : ana.page, direct, text);
  const invited = await createRoom(cy.page, { name: words.invited, preset: "private_chat", invite: [ids[0]] });
  await cy.close();
  return { ana, bo, direct, group, invited };
}

async function sendMarkdown(page: Page, roomId: string, text: string): Promise<string> {
  const html = text
    .replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
    .replace(/\n- ([^\n]+)/g, "<li>$1</li>")
    .replace(/((?:<li>.*<\/li>)+)/, "<ul>$1</ul>");
  const content = { msgtype: "m.text", body: text, format: "org.matrix.custom.html", formatted_body: html };
  const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/scene-${Date.now()}`;
  return (await call<{ event_id: string }>(page, "PUT", path, content)).event_id;
}

async function react(page: Page, roomId: string, eventId: string, key: string): Promise<void> {
  const content = { "m.relates_to": { rel_type: "m.annotation", event_id: eventId, key } };
  await call(page, "PUT", `/rooms/${encodeURIComponent(roomId)}/send/m.reaction/scene-${Date.now()}`, content);
}

for (const language of ["en", "zh"] as const) {
  test(`screens in ${language}`, async ({ browser }) => {
    test.setTimeout(400_000);
    const scene = await setScene(browser, language);
    const { ana, bo } = scene;
    const { page } = ana;
    let theme = "light";
    let size: keyof typeof SIZES = "desktop";
    const shoot = async (name: string, from: Page = page) => {
      await expect(from.locator(".skeleton")).toHaveCount(0);
      await from.screenshot({ path: `test-output/screens/${language}-${size}-${theme}-${name}.png` });
    };
    await page.goto(`/room/${scene.group}`);
    await expect(ana.composer).toBeVisible();
    await page.locator("input[type=file]").setInputFiles(picture("ridge.png", 900, 600));
    await page.locator(".dialog .button--primary").click();
    await expect(page.locator(".picture img")).toBeVisible();
    const plan = { name: "plan.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(184_320, 1) };
    await page.locator("input[type=file]").setInputFiles(plan);
    await page.locator(".dialog .button--primary").click();
    await expect(page.locator(".file-card")).toBeVisible();
    await bo.page.goto(`/room/${scene.group}`);
    await expect(bo.composer).toBeVisible();
    await bo.act(WORDS[language].talk[3] ?? "", language === "en" ? "Reply" : "回复");
    await bo.say(language === "en" ? "Thank you, that looks wonderful" : "谢谢，看起来太棒了");

    // A usual run sees each language in one theme: enough to fail where a screen cannot be reached.
    for (theme of FOR_EYES ? ["light", "dark"] : [language === "en" ? "light" : "dark"]) {
      await wear(page, theme);
      for (size of FOR_EYES || language === "en" ? (["desktop", "phone"] as const) : (["phone"] as const)) {
        await page.setViewportSize(SIZES[size]);
        await walk(ana, scene, shoot, size);
      }
    }
    theme = "light";
    size = "desktop";
    await page.setViewportSize(SIZES.desktop);
    await page.evaluate(() => localStorage.setItem("im2.preferences", "{}"));
    await live(scene, WORDS[language].direct, shoot);
    await outside(ana, shoot, (to) => {
      theme = to.theme;
      size = to.size;
    });
    await ana.close();
    await bo.close();
  });
}

/** Chooses a theme, for the next page. */
async function wear(page: Page, theme: string): Promise<void> {
  await page.evaluate((value) => {
    const stored = JSON.parse(localStorage.getItem("im2.preferences") ?? "{}");
    localStorage.setItem("im2.preferences", JSON.stringify({ ...stored, theme: value }));
  }, theme);
}

type Shoot = (name: string, from?: Page) => Promise<void>;

/** Every screen of somebody who is signed in. */
async function walk(ana: Person, scene: Scene, shoot: Shoot, size: string): Promise<void> {
  const { page } = ana;
  await page.goto("/");
  await expect(page.locator(".chat-row").first()).toBeVisible();
  await shoot("chats");
  await page.goto(`/room/${scene.group}`);
  await expect(page.locator(".picture img")).toBeVisible();
  await expect(page.locator(".quote")).toBeVisible();
  await shoot("group");
  await page.locator(".message").nth(-2).locator(".bubble").click({ button: "right" });
  await expect(page.locator(".popover")).toBeVisible();
  await shoot("message-menu");
  await page.locator(".quick-reactions button").last().click();
  await expect(page.locator(".emoji-picker")).toBeVisible();
  await shoot("emoji");
  await page.keyboard.press("Escape");
  await page.locator(".header__who").click();
  await expect(page.locator(".member")).toHaveCount(3);
  await shoot("details");
  await page.locator(".details__summary .button").click();
  await shoot("edit-group");
  await page.keyboard.press("Escape");
  await page.locator(".details__members-head .icon-button").click();
  await shoot("invite");
  await page.keyboard.press("Escape");
  await page.locator(".details__leave").click();
  await shoot("confirm");
  await page.keyboard.press("Escape");
  await page.locator(".details__head .icon-button").click();
  await page.locator(".picture").click();
  await expect(page.locator(".lightbox img")).toBeVisible();
  await shoot("lightbox");
  await page.keyboard.press("Escape");
  await page.goto(`/room/${scene.direct}`);
  await expect(page.locator(".message").first()).toBeVisible();
  await shoot("direct");
  await page.goto(`/room/${scene.invited}`);
  await expect(page.locator(".conversation-card .button--primary")).toBeVisible();
  await shoot("invitation");
  await page.goto("/people");
  await shoot("people");
  await page.locator(".search-box input").fill("zzzz-nobody");
  await expect(page.locator(".empty").first()).toContainText("zzzz-nobody");
  await shoot("people-none");
  await page.goto("/groups");
  await expect(page.locator(".groups, .pane .empty").first()).toBeVisible();
  await shoot("groups");
  await page.locator(".pane__head .icon-button").click();
  await page.locator(".dialog input").first().fill("Tea & 茶");
  await page.getByRole("dialog").getByRole("switch").first().check();
  await shoot("new-group");
  await page.keyboard.press("Escape");
  await page.goto("/settings");
  await shoot("settings");
  if (size === "phone") return;
  await page.goto("/");
  await expect(page.locator(".chat-row").first()).toBeVisible();
  await page.locator(".pane__head .icon-button[aria-haspopup=menu]").click();
  await shoot("new-menu");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await shoot("switcher");
  await page.keyboard.press("Escape");
}

/** A conversation while something happens in it. */
async function live({ ana, bo, direct }: Scene, words: readonly string[], shoot: Shoot): Promise<void> {
  const { page } = ana;
  await page.goto(`/room/${direct}`);
  await ana.say("👋");
  await bo.page.goto(`/room/${direct}`);
  await expect(page.locator(".readers")).toBeVisible();
  await page.locator(".rail__link").nth(1).click();
  for (const text of words) await bo.say(text);
  await bo.composer.pressSequentially("…");
  await page.locator(".rail__link").first().click();
  await expect(page.locator(".chat-row__text--typing")).toBeVisible();
  await shoot("unread-and-typing");
  await page.goto(`/room/${direct}`);
  await expect(page.locator(".timeline__unread")).toBeVisible();
  await bo.composer.pressSequentially("…");
  await expect(page.locator(".header__sub--typing")).toBeVisible();
  await page.locator(".message").last().locator(".bubble").click({ button: "right" });
  await page.getByRole("menuitem").first().click();
  await page.route("**/upload?**", (route) =>
    route.fulfill({ status: 413, json: { errcode: "M_TOO_LARGE", error: "too large" } }),
  );
  await page.locator("input[type=file]").setInputFiles([picture("a.png", 300, 200), picture("b.png", 200, 300)]);
  await shoot("send-files");
  await page.locator(".dialog .button--primary").click();
  await expect(page.locator(".upload__problem")).toHaveCount(2);
  await shoot("live");
  await page.unroute("**/upload?**");
  await page.keyboard.press("Escape");
}

/** The screens before signing in, and trouble. */
async function outside(
  ana: Person,
  shoot: Shoot,
  set: (to: { theme: "light" | "dark"; size: "desktop" | "phone" }) => void,
): Promise<void> {
  const { page } = ana;
  set({ theme: "dark", size: "phone" });
  await page.goto("/settings/account");
  await page.locator(".settings .button--danger-quiet").first().click();
  await page.locator(".dialog .button--danger").click();
  // The uploads that have failed would be lost.
  await page.locator(".dialog .button--danger-quiet").click();
  await expect(page).toHaveURL(/\/login$/);
  for (const theme of FOR_EYES ? (["dark", "light"] as const) : (["dark"] as const)) {
    await wear(page, theme);
    for (const size of FOR_EYES ? (["phone", "desktop"] as const) : (["phone"] as const)) {
      set({ theme, size });
      await page.setViewportSize(SIZES[size]);
      await page.goto("/login");
      await page.locator("input[name=username]").fill(ana.name);
      await page.locator("input[type=password]").fill("wrong");
      await page.locator("button[type=submit]").click();
      await expect(page.locator(".notice--problem")).toBeVisible();
      await shoot("sign-in-wrong");
      await page.goto("/register?token=welcome");
      await page.locator("input[name=username]").fill(ana.name);
      await expect(page.locator(".field__hint--problem")).toBeVisible();
      await shoot("register");
    }
  }
  await wear(page, "light");
  await page.setViewportSize(SIZES.desktop);
  set({ theme: "light", size: "desktop" });
  await page.goto("/login");
  await page.locator("input[name=username]").fill(ana.name);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".chat-row").first()).toBeVisible();
  await page.locator(".chat-row").nth(1).click();
  await expect(ana.composer).toBeVisible();
  await page.context().setOffline(true);
  await ana.composer.fill("…");
  await ana.composer.press("Enter");
  await expect(page.locator(".trouble").first()).toBeVisible();
  await expect(page.locator(".connection")).toBeVisible();
  await shoot("offline");
  await page.context().setOffline(false);
  await expect(page.locator(".connection")).toHaveCount(0);
}
