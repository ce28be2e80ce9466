import { EventEmitter as NodesEmitter } from "node:events";
import { expect, test } from "vitest";
import { Hostile } from "../src/lib/hostile.ts";
import { EventEmitter } from "./emitter.ts";

const METHODS = ["on", "once", "prependListener", "prependOnceListener", "off", "removeAllListeners", "emit"] as const;

/** What happens when this is done to an emitter, in words. */
function play(emitter: EventEmitter | NodesEmitter, hostile: Hostile): string[] {
  const said: string[] = [];
  const one = emitter as EventEmitter;
  const listeners = [0, 1, 2, 3].map(
    (number) =>
      function (this: unknown, ...args: unknown[]) {
        said.push(`${number} hears ${args.join()} of ${this === emitter ? "it" : "another"}`);
        // Those who come and go while somebody is told.
        if (number === 2) one.off("a", listeners[1] as never);
        if (number === 3) one.once("a", listeners[0] as never);
      },
  );
  for (let step = 0; step < 30; step++) {
    const method = hostile.pick(METHODS);
    const name = hostile.pick(["a", "b"]);
    const listener = hostile.pick(listeners);
    if (method === "emit") said.push(`emitted: ${one.emit(name, step, "x")}`);
    else if (method === "removeAllListeners") one.removeAllListeners(...hostile.pick([[name], [name], [name], []]));
    else expect(one[method](name, listener as never)).toBe(emitter);
    said.push(`${one.listenerCount(name)} ${one.listeners(name).map((found) => listeners.indexOf(found as never))}`);
    said.push(`${one.eventNames().map(String).sort()} ${one.rawListeners(name).length}`);
  }
  return said;
}

test("listeners are told what Node's emitter tells them", () => {
  for (let seed = 0; seed < 300; seed++)
    expect(play(new EventEmitter(), new Hostile(seed)), `seed ${seed}`).toEqual(
      play(new NodesEmitter(), new Hostile(seed)),
    );
});

test("an error that nobody listens for is thrown", () => {
  const emitter = new EventEmitter();
  expect(() => emitter.emit("error", new Error("lost"))).toThrow("lost");
  emitter.on("error", () => undefined);
  expect(emitter.emit("error", new Error("found"))).toBe(true);
});
