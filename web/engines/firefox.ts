/**
 * Firefox by WebDriver BiDi, which it speaks itself: https://w3c.github.io/webdriver-bidi/. Playwright's own support for
 * it asks for commands that an extended support release does not have, and geckodriver is in no package of Debian's.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import { callOf, type Driver, type InputSource } from "./driver.ts";
import { Program } from "./program.ts";

const PROGRAM = process.env.IM2_FIREFOX ?? "firefox-esr";

/** What the profile is told; `remote.prefs.recommended` does the rest. */
const PREFERENCES = {
  "intl.locale.requested": "en-US",
  "intl.accept_languages": "en-US",
  "layout.css.prefers-color-scheme.content-override": 1,
  "ui.prefersReducedMotion": 1,
  // A mouse: fine (2), and it hovers (4).
  "ui.primaryPointerCapabilities": 6,
  "ui.allPointerCapabilities": 6,
  "media.navigator.permission.disabled": true,
  "media.navigator.streams.fake": true,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
};

interface Answer {
  id?: number;
  type: "success" | "error" | "event";
  result?: unknown;
  error?: string;
  message?: string;
  method?: string;
  params?: LogEntry;
}

interface LogEntry {
  level: string;
  text: string;
  stackTrace?: { callFrames: { functionName: string; url: string; lineNumber: number; columnNumber: number }[] };
}

type Waiting = { resolve(result: unknown): void; reject(error: Error): void };

export class Firefox implements Driver {
  private readonly reported: string[] = [];
  private readonly waiting = new Map<number, Waiting>();
  private context = "";
  private commands = 0;

  private constructor(
    private readonly program: Program,
    private readonly socket: WebSocket,
  ) {
    socket.on("message", (data) => this.hear(JSON.parse(String(data)) as Answer));
    socket.on("close", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("Firefox has closed the connection"));
      this.waiting.clear();
    });
  }

  static async launch(folder: string): Promise<Firefox> {
    const profile = join(folder, "profile");
    await mkdir(profile, { recursive: true });
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
    );
    await writeFile(join(profile, "user.js"), lines.join(""));
    // Opened with a page, the window gives it the focus; an empty one leaves that to its address bar.
    const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "data:text/html,"];
    const environment = { HOME: folder, MOZ_CRASHREPORTER_DISABLE: "1" };
    const { program, match } = await Program.ready(PROGRAM, args, environment, /BiDi listening on (ws:\S+)/);
    const socket = new WebSocket(`${match[1]}/session`);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const firefox = new Firefox(program, socket);
    await firefox.command("session.new", { capabilities: {} });
    await firefox.command("session.subscribe", { events: ["log.entryAdded"] });
    const { contexts } = await firefox.command<{ contexts: { context: string }[] }>("browsingContext.getTree", {});
    firefox.context = contexts[0]?.context ?? "";
    return firefox;
  }

  async goto(url: string): Promise<void> {
    await this.command("browsingContext.navigate", { context: this.context, url, wait: "interactive" });
  }

  async reload(): Promise<void> {
    await this.command("browsingContext.reload", { context: this.context, wait: "interactive" });
  }

  async evaluate<A extends readonly unknown[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    return JSON.parse((await this.run(callOf(run, args))) as string) as T;
  }

  async inject(script: string): Promise<void> {
    await this.run(`{ ${script} }; undefined`);
  }

  private async run(expression: string): Promise<unknown> {
    const answer = await this.command<{ result?: { value?: unknown }; exceptionDetails?: { text: string } }>(
      "script.evaluate",
      { expression, target: { context: this.context }, awaitPromise: true },
    );
    if (answer.exceptionDetails !== undefined) throw new Error(answer.exceptionDetails.text);
    return answer.result?.value;
  }

  async act(actions: readonly InputSource[]): Promise<void> {
    await this.command("input.performActions", { context: this.context, actions });
  }

  async chooseFiles(selector: string, files: readonly string[]): Promise<void> {
    const locator = { type: "css", value: selector };
    const { nodes } = await this.command<{ nodes: { sharedId: string }[] }>("browsingContext.locateNodes", {
      context: this.context,
      locator,
    });
    if (nodes[0] === undefined) throw new Error(`there is no ${selector}`);
    await this.command("input.setFiles", { context: this.context, element: { sharedId: nodes[0].sharedId }, files });
  }

  async resize(width: number, height: number): Promise<void> {
    await this.command("browsingContext.setViewport", { context: this.context, viewport: { width, height } });
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.command<{ data: string }>("browsingContext.captureScreenshot", {
      context: this.context,
    });
    return Buffer.from(data, "base64");
  }

  problems(): Promise<readonly string[]> {
    return Promise.resolve(this.reported);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.program.stop();
  }

  private command<T>(method: string, params: object): Promise<T> {
    const id = ++this.commands;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
    });
  }

  private hear({ id, type, result, error, message, params }: Answer): void {
    if (type === "event") {
      const frames = params?.stackTrace?.callFrames ?? [];
      const at = frames.map(
        ({ functionName, url, lineNumber: line, columnNumber: column }) => ` ${functionName} ${url}:${line}:${column}`,
      );
      if (params?.level === "error") this.reported.push([params.text, ...at].join("\n"));
      return;
    }
    const waiting = this.waiting.get(id ?? 0);
    this.waiting.delete(id ?? 0);
    if (type === "error") waiting?.reject(new Error(`${error}: ${message}`));
    else waiting?.resolve(result);
  }
}
