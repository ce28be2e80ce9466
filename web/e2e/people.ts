/** A person in a browser: what somebody does in the client, in the words of the tests. */
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  expect,
  type Locator,
  type Page,
} from "@playwright/test";
import type { Session } from "../src/matrix/session.ts";

export const PASSWORD = "correct horse battery";

let counter = 0;

/** A user name that no other run has used. */
export function freshName(base: string): string {
  return `${base}-${Date.now().toString(36)}${counter++}`;
}

/** Registers, and gives what the client stores of a new session. */
async function newSession(homeserver: string, username: string): Promise<Session> {
  const body = {
    username,
    password: PASSWORD,
    initial_device_display_name: "Chrome on Linux",
    refresh_token: true,
    auth: { type: "m.login.dummy" },
  };
  const response = await fetch(`${homeserver}/_matrix/client/v3/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(response.status, "registering").toBe(200);
  const answer = await response.json();
  return {
    homeserver,
    userId: answer.user_id,
    deviceId: answer.device_id,
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresAt: Date.now() + answer.expires_in_ms,
    lifetime: answer.expires_in_ms,
    storageKey: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64"),
  };
}

export class Person {
  /** Errors of the page; a test that ends with one has failed. */
  readonly errors: string[] = [];

  private constructor(
    readonly page: Page,
    readonly name: string,
  ) {
    page.on("pageerror", (error) => this.errors.push(error.stack ?? String(error)));
    page.on("console", (message) => {
      if (/Content Security Policy/i.test(message.text())) this.errors.push(message.text());
    });
  }

  /** Opens a browser of their own, in which they have just registered. */
  static async register(
    browser: Browser,
    base: string,
    options: BrowserContextOptions = {},
    /** What the browser is like before its first page. */
    prepare: (context: BrowserContext) => Promise<void> = async () => undefined,
  ): Promise<Person> {
    const name = freshName(base);
    const origin = options.baseURL ?? process.env.IM2_BASE_URL ?? "";
    // Without the page for it: that has tests of its own, and its share of the time of all others would be large.
    const localStorage = [{ name: "im2.session", value: JSON.stringify(await newSession(origin, name)) }];
    const storageState = { cookies: [], origins: [{ origin, localStorage }] };
    const context = await browser.newContext({ ...options, storageState });
    await prepare(context);
    const person = new Person(await context.newPage(), name);
    await person.page.goto("/");
    await expect(person.page.locator(".rail")).toBeVisible();
    return person;
  }

  /** Registers by the page for it, in a browser that is there. */
  static async registerIn(context: BrowserContext, base: string): Promise<Person> {
    const person = new Person(await context.newPage(), freshName(base));
    const { page } = person;
    await page.goto("/register");
    await page.locator("input[name=username]").fill(person.name);
    await page.locator("input[type=password]").fill(PASSWORD);
    await page.locator("button[type=submit]").click();
    await expect(page.locator(".rail")).toBeVisible();
    return person;
  }

  /** Opens a browser of somebody who has an account, with the sign-in screen filled in. */
  static async atSignIn(browser: Browser, name: string, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext(options);
    const person = new Person(await context.newPage(), name);
    await person.page.goto("/login");
    await person.page.locator("input[name=username]").fill(name);
    await person.page.locator("input[type=password]").fill(PASSWORD);
    return person;
  }

  async close(): Promise<void> {
    await this.page.context().close();
    expect(this.errors).toEqual([]);
  }

  /** Takes a name, which the server may store as another. */
  async setDisplayName(name: string, stored = name): Promise<void> {
    await this.page.goto("/settings/profile");
    await this.page.locator(".settings__form input").fill(name);
    await this.page.locator(".settings__form button[type=submit]").click();
    await expect(this.page.locator(".rail__account")).toHaveAttribute("title", stored);
  }

  /** Finds somebody by name and opens the direct chat with them. */
  async startChat(name: string): Promise<void> {
    await this.page.goto("/people");
    await this.page.locator(".search-box input").fill(name);
    await this.page.locator(".person-row", { hasText: name }).first().click();
    await expect(this.composer).toBeVisible();
  }

  async acceptInvitation(text: string | RegExp): Promise<void> {
    await this.page.locator(".chat-row", { hasText: text }).first().click();
    await this.page.locator(".conversation-card .button--primary").click();
    await expect(this.composer).toBeVisible();
  }

  get composer(): Locator {
    return this.page.locator(".composer__input");
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
    await expect(this.message(text)).toHaveAttribute("data-status", "sent");
  }

  message(text: string): Locator {
    return this.page.locator(".message", { has: this.page.locator(".bubble__text", { hasText: text }) }).last();
  }

  /** Opens the menu of a message and chooses an action by its icon's place in the list. */
  async act(text: string, action: string): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await message.locator(".message__toolbar button").last().click();
    await this.page.getByRole("menuitem", { name: action }).click();
  }

  chat(name: string | RegExp): Locator {
    return this.page.locator(".chat-row", { hasText: name });
  }
}

/** Signs in to an account in a browser of its own. */
export async function signIn(browser: Browser, name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto("/login");
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".rail")).toBeVisible();
  return page;
}
