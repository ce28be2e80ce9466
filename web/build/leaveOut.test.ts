import { expect, test } from "vitest";
import { LEFT_OUT } from "./leaveOut.ts";

const standIn = (name: string): Promise<unknown> =>
  import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(LEFT_OUT[name] ?? "")}`);

const { default: look } = (await standIn("unhomoglyph")) as { default: (text: string) => string };

test("names that look the same are found to be the same", () => {
  // Cyrillic, Greek, bold, of full width, a one for an l.
  for (const other of ["Аnа", "Αna", "𝐀𝐧𝐚", "Ａｎａ"]) expect(look(other)).toBe(look("Ana"));
  expect(look("A1ice")).toBe(look("Alice"));
  expect(look("山⼭")).toBe(look("山山"));
});

test("names that look different stay different", () => {
  expect(look("Ana")).not.toBe(look("Anna"));
  expect(look("小明")).not.toBe(look("小红"));
});

test("the kind of an answer is read as the SDK compares it", async () => {
  const { parse } = (await standIn("content-type")) as { parse: (header: string) => unknown };
  for (const header of ["application/json", "Application/JSON; charset=utf-8", "application/json ;x"])
    expect(parse(header)).toEqual({ type: "application/json", parameters: {} });
});

test("a logger of the SDK's writes by what the SDK has set, and knows its prefix", async () => {
  type Method = (this: { prefix?: string }, ...args: unknown[]) => void;
  type Logger = Record<"warn" | "debug", Method> & { prefix?: string; setLevel(level: unknown): void };
  const { default: log } = (await standIn("loglevel")) as {
    default: { levels: { DEBUG?: number }; methodFactory: (method: string) => Method; getLogger(name: string): Logger };
  };
  const written: unknown[] = [];
  log.methodFactory = (method) =>
    function (...args) {
      written.push([method, this.prefix, ...args]);
    };
  const logger = log.getLogger("matrix-a");
  expect(log.getLogger("matrix-a")).toBe(logger);
  logger.prefix = "a";
  logger.setLevel(log.levels.DEBUG);
  logger.warn("lost", 1);
  logger.debug("found");
  expect(written).toEqual([
    ["warn", "a", "lost", 1],
    ["debug", "a", "found"],
  ]);
});
