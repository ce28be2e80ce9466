/**
 * WebKit by the W3C's WebDriver (https://www.w3.org/TR/webdriver2/): WebKitGTK's driver opens its MiniBrowser, which
 * needs a display, so each has a virtual one (Xvfb). What it stores is as short-lived as a private window's.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { callOf, type Driver, type InputSource } from "./driver.ts";
import { Program } from "./program.ts";

const PROGRAM = process.env.IM2_WEBKIT_DRIVER ?? "WebKitWebDriver";
const START_MS = 30_000;

/** What the desktop tells the pages: light colours, and less motion. */
const SETTINGS = "[Settings]\ngtk-theme-name=Adwaita\ngtk-enable-animations=0\n";
/** The browser's own toolbar gives way, so that the window can be as narrow as a phone. */
const STYLES = "* { min-width: 0; min-height: 0; padding: 0; margin: 0; border-width: 0; font-size: 1px; }\n";

/** The name under which WebDriver hands out elements. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

type Rect = { x: number; y: number; width: number; height: number };

export class WebKit implements Driver {
  private session = "";
  /** What pages reported that have been left. */
  private readonly reported: string[] = [];

  private constructor(
    private readonly programs: readonly Program[],
    private readonly address: string,
  ) {}

  static async launch(folder: string): Promise<WebKit> {
    const config = join(folder, "config", "gtk-3.0");
    await mkdir(config, { recursive: true });
    await writeFile(join(config, "settings.ini"), SETTINGS);
    await writeFile(join(config, "gtk.css"), STYLES);
    const screen = ["-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"];
    const display = await Program.ready("Xvfb", screen, {}, /^(\d+)$/);
    const port = await freePort();
    const said: string[] = [];
    const environment = {
      DISPLAY: `:${display.match[1]}`,
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, "config"),
      XDG_CACHE_HOME: join(folder, "cache"),
      XDG_DATA_HOME: join(folder, "data"),
      LANGUAGE: "en_US",
      LANG: "en_US.UTF-8",
      GDK_BACKEND: "x11",
      NO_AT_BRIDGE: "1",
    };
    const driver = Program.start(PROGRAM, [`--port=${port}`], environment, (line) => said.push(line));
    const webkit = new WebKit([driver, display.program], `http://127.0.0.1:${port}`);
    try {
      await webkit.start();
      return webkit;
    } catch (error) {
      await webkit.close();
      throw new Error(`${error}; it said:\n${said.join("\n")}`);
    }
  }

  private async start(): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!(await this.isReady())) {
      if (Date.now() > deadline) throw new Error(`${PROGRAM} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const alwaysMatch = { browserName: "MiniBrowser", pageLoadStrategy: "normal" };
    const { sessionId } = await this.command<{ sessionId: string }>("POST", "/session", {
      capabilities: { alwaysMatch },
    });
    this.session = `/session/${sessionId}`;
    await this.command("POST", `${this.session}/timeouts`, { script: 60_000, pageLoad: 60_000 });
  }

  private async isReady(): Promise<boolean> {
    try {
      return (await this.command<{ ready: boolean }>("GET", "/status")).ready;
    } catch {
      return false;
    }
  }

  async goto(url: string): Promise<void> {
    await this.leave();
    await this.command("POST", `${this.session}/url`, { url });
    await this.listen();
  }

  async reload(): Promise<void> {
    await this.leave();
    await this.command("POST", `${this.session}/refresh`, {});
    await this.listen();
  }

  async evaluate<A extends readonly unknown[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    const answer = "const answer = arguments[arguments.length - 1];";
    const script = `${answer} ${callOf(run, args)}.then((value) => answer({ value }), (error) => answer({ error: String(error) }))`;
    const { value, error } = await this.command<{ value?: string; error?: string }>(
      "POST",
      `${this.session}/execute/async`,
      { script, args: [] },
    );
    if (error !== undefined) throw new Error(error);
    return JSON.parse(value ?? "null") as T;
  }

  async inject(script: string): Promise<void> {
    await this.command("POST", `${this.session}/execute/sync`, { script, args: [] });
  }

  async act(actions: readonly InputSource[]): Promise<void> {
    await this.command("POST", `${this.session}/actions`, { actions });
  }

  async chooseFiles(selector: string, paths: readonly string[]): Promise<void> {
    const using = { using: "css selector", value: selector };
    const element = await this.command<Record<string, string>>("POST", `${this.session}/element`, using);
    const text = paths.join("\n");
    await this.command("POST", `${this.session}/element/${element[ELEMENT]}/value`, { text });
  }

  async resize(width: number, height: number): Promise<void> {
    const path = `${this.session}/window/rect`;
    const window = await this.command<Rect>("POST", path, { x: 0, y: 0, width, height });
    const page = await this.evaluate(() => ({ width: innerWidth, height: innerHeight }));
    const around = { width: window.width - page.width, height: window.height - page.height };
    await this.command("POST", path, { x: 0, y: 0, width: width + around.width, height: height + around.height });
  }

  async screenshot(): Promise<Buffer> {
    return Buffer.from(await this.command<string>("GET", `${this.session}/screenshot`), "base64");
  }

  /** WebDriver has no console: the page is told to remember its errors, from when its scripts have run on. */
  private async listen(): Promise<void> {
    await this.evaluate(() => {
      const problems: string[] = [];
      Object.assign(globalThis, { im2Problems: problems });
      addEventListener("error", ({ message }) => problems.push(message));
      addEventListener("unhandledrejection", ({ reason }) => problems.push(`unhandled: ${reason}`));
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        problems.push(`Content Security Policy: ${violatedDirective} ${blockedURI}`),
      );
      const { error } = console;
      console.error = (...said: unknown[]) => {
        problems.push(said.map(String).join(" "));
        error(...said);
      };
    });
  }

  private async leave(): Promise<void> {
    const problems = await this.evaluate(() => (globalThis as { im2Problems?: string[] }).im2Problems ?? []);
    this.reported.push(...problems);
  }

  async problems(): Promise<readonly string[]> {
    await this.leave();
    await this.listen();
    return this.reported;
  }

  async close(): Promise<void> {
    for (const program of this.programs) await program.stop();
  }

  private async command<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.address}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
    if (!response.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
    return value;
  }
}

/** A port that nobody used a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
