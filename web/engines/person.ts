/** Somebody in a browser: what they do in the client, in the words of the tests. `e2e/people.ts` is the same for Chromium. */
import { expect } from "@playwright/test";
import { freshName, PASSWORD } from "../e2e/people.ts";
import type { Screen, Target } from "./screen.ts";

export class Person {
  private constructor(
    readonly screen: Screen,
    readonly name: string,
  ) {}

  static async register(screen: Screen, base: string): Promise<Person> {
    const person = new Person(screen, freshName(base));
    await screen.goto("/register");
    await person.enter();
    return person;
  }

  /** Signs in where the sign-in screen is. */
  async signIn(): Promise<void> {
    await this.enter();
  }

  private async enter(): Promise<void> {
    const { screen } = this;
    await screen.fill({ css: "input[name=username]" }, this.name);
    await screen.fill({ css: "input[type=password]" }, PASSWORD);
    await screen.press("Enter");
    await screen.see({ css: ".rail" });
  }

  readonly composer: Target = { css: ".composer__input" };

  /** The newest message with this text. */
  message(text: string): Target {
    return { css: ".message", text };
  }

  chat(name: string): Target {
    return { css: ".chat-row", text: name };
  }

  async say(text: string): Promise<void> {
    await this.screen.fill(this.composer, text);
    await this.screen.press("Enter");
    await this.sent(text);
  }

  /** Waits until a message is with the server. */
  async sent(text: string): Promise<void> {
    const status = () => this.screen.attribute(this.message(text), "data-status");
    await expect.poll(status, { message: `send “${text}”`, timeout: 30_000 }).toBe("sent");
  }

  /** Opens the menu of a message and chooses an action. */
  async act(text: string, action: string): Promise<void> {
    await this.openMenu(text);
    await this.screen.click({ role: "menuitem", name: action });
  }

  async openMenu(text: string): Promise<void> {
    await this.screen.hover({ css: ".bubble", within: this.message(text) });
    await this.screen.click({ css: ".message__toolbar button", within: this.message(text) });
  }

  /** Finds somebody by name and opens the direct chat with them. */
  async startChat(name: string): Promise<void> {
    const { screen } = this;
    await screen.click({ role: "link", name: "People" });
    await screen.fill({ css: ".search-box input" }, name);
    await screen.click({ css: ".person-row", text: name, first: true });
    await screen.see(this.composer);
  }

  async userId(): Promise<string> {
    return this.screen.run(() => JSON.parse(localStorage.getItem("im2.session") ?? "{}").userId);
  }

  /** The number of keys that her backup has. */
  keysInBackup(): Promise<number> {
    return this.screen.run(async () => {
      const { accessToken } = JSON.parse(localStorage.getItem("im2.session") ?? "{}") as { accessToken?: string };
      const headers = { Authorization: `Bearer ${accessToken}` };
      const answer = await fetch("/_matrix/client/v3/room_keys/version", { headers });
      // Its token may have just expired; the next one comes by itself.
      return answer.ok ? ((await answer.json()) as { count: number }).count : 0;
    });
  }
}
