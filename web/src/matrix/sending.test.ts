import { expect, test, vi } from "vitest";
import type { MatrixClient, Room } from "matrix-js-sdk/lib/matrix.js";
import type { Outbox } from "./outbox/outbox.ts";
import { Sending } from "./sending.ts";

test("the server hears that one has stopped typing after it has heard that one types", async () => {
  const answers: (() => void)[] = [];
  const sendTyping = vi.fn(
    (_room: string, _typing: boolean, _timeout: number) => new Promise<void>((resolve) => answers.push(resolve)),
  );
  const client = { sendTyping } as unknown as MatrixClient;
  const sending = new Sending(client, { roomId: "!room:example.org" } as Room, {} as Outbox);
  sending.typing(true);
  sending.typing(false);
  await vi.waitFor(() => expect(sendTyping).toHaveBeenCalledOnce());
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sendTyping.mock.calls.map(([, typing]) => typing)).toEqual([true]);
  answers[0]?.();
  await vi.waitFor(() => expect(sendTyping.mock.calls.map(([, typing]) => typing)).toEqual([true, false]));
});
