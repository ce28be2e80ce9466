/** A program that a driver starts: what it says is read by lines, and it is ended together with what it has started. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

const START_MS = 30_000;
const STOP_MS = 5_000;

export class Program {
  private constructor(
    private readonly child: ChildProcess,
    private readonly name: string,
  ) {}

  /** Starts a program that is found on PATH; each line of its output is given to `hear`. */
  static start(
    name: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    hear: (line: string) => void = () => undefined,
  ): Program {
    // A group of its own: browsers are many processes.
    const child = spawn(name, args, { env: { ...process.env, ...environment }, detached: true });
    child.on("error", (error) => hear(String(error)));
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", hear);
    return new Program(child, name);
  }

  /** Starts a program and waits for the line that says it is ready; answers with the match. */
  static async ready(
    name: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    sign: RegExp,
    hear: (line: string) => void = () => undefined,
  ): Promise<{ program: Program; match: RegExpExecArray }> {
    const said: string[] = [];
    let found: (match: RegExpExecArray) => void = () => undefined;
    const match = new Promise<RegExpExecArray>((resolve) => {
      found = resolve;
    });
    const program = Program.start(name, args, environment, (line) => {
      said.push(line);
      const match = sign.exec(line);
      if (match !== null) found(match);
      hear(line);
    });
    let timer: NodeJS.Timeout | undefined;
    const failed = new Promise<never>((_, reject) => {
      const give = (reason: string) => reject(new Error(`${name} ${reason}; it said:\n${said.join("\n")}`));
      timer = setTimeout(() => give(`was not ready after ${START_MS} ms`), START_MS);
      program.child.once("error", (error) => give(`could not be started (${error.message})`));
      program.child.once("exit", (code) => give(`ended with ${code}`));
    });
    try {
      return { program, match: await Promise.race([match, failed]) };
    } catch (error) {
      await program.stop();
      throw error;
    } finally {
      clearTimeout(timer);
      failed.catch(() => undefined);
    }
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  }

  private signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-(this.child.pid ?? 0), signal);
    } catch (error) {
      // The whole group has ended by itself.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH")
        throw new Error(`${this.name} could not be ended: ${error}`);
    }
  }
}
