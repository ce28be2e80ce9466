import { expect, test, vi } from "vitest";
import { acceptInBackground } from "./history.ts";

const ROOM = "!room:example.org";
const INVITER = "@ana:example.org";

/** The SDK's engine: an attempt fails, finds nothing, or finds the keys. */
function engineThat(...outcomes: (Error | boolean)[]) {
  class SdkEngine {
    stopped = false;
    readonly asked: string[] = [];
    async maybeAcceptKeyBundle(roomId: string, inviter: string): Promise<boolean> {
      this.asked.push(`${roomId} ${inviter}`);
      const outcome = outcomes.shift() ?? false;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    }
  }
  acceptInBackground(SdkEngine, 1);
  return new SdkEngine();
}

test("neither joining nor the start waits for a bundle, nor fails with it", async () => {
  const engine = engineThat(new TypeError("Failed to fetch"), new TypeError("Failed to fetch"), true);
  await expect(engine.maybeAcceptKeyBundle(ROOM, INVITER)).resolves.toBe(false);
  await vi.waitFor(() => expect(engine.asked).toHaveLength(3));
  expect(new Set(engine.asked)).toEqual(new Set([`${ROOM} ${INVITER}`]));
});

test("a bundle that comes while it is being looked for is looked for again", async () => {
  const engine = engineThat(false, true);
  await Promise.all([engine.maybeAcceptKeyBundle(ROOM, INVITER), engine.maybeAcceptKeyBundle(ROOM, INVITER)]);
  await vi.waitFor(() => expect(engine.asked).toHaveLength(2));
});

test("an engine that has stopped is left alone, and an engine is changed once", async () => {
  const engine = engineThat(new TypeError("Failed to fetch"));
  acceptInBackground(engine.constructor as never, 1);
  await engine.maybeAcceptKeyBundle(ROOM, INVITER);
  engine.stopped = true;
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(engine.asked).toHaveLength(1);
});
