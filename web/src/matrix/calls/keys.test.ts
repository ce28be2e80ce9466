import { expect, test } from "vitest";
import { isGenuine } from "./keys.ts";

type Received = Parameters<typeof isGenuine>[1];

const IDENTITY_KEY = "curve of the phone";

const client = {
  getCrypto: () => ({
    getUserDeviceInfo: async () => new Map([["@ana:x", new Map([["PHONE", { getIdentityKey: () => IDENTITY_KEY }]])]]),
  }),
} as unknown as Parameters<typeof isGenuine>[0];

function received(info: Partial<NonNullable<Received["encryptionInfo"]>> | null, claimed: unknown = "PHONE"): Received {
  return {
    message: {
      type: "io.element.call.encryption_keys",
      sender: "@ana:x",
      content: { member: { claimed_device_id: claimed } },
    },
    encryptionInfo:
      info === null
        ? null
        : { sender: "@ana:x", senderCurve25519KeyBase64: IDENTITY_KEY, senderVerified: false, ...info },
  } as Received;
}

test("a key counts when the device that it is of has encrypted it", async () => {
  expect(await isGenuine(client, received({ senderDevice: "PHONE" }))).toBe(true);
});

test("a key in the clear, of another device, or of another person does not count", async () => {
  expect(await isGenuine(client, received(null))).toBe(false);
  expect(await isGenuine(client, received({ senderDevice: "LAPTOP" }))).toBe(false);
  expect(await isGenuine(client, received({ sender: "@eve:x", senderDevice: "PHONE" }))).toBe(false);
  expect(await isGenuine(client, received({ senderDevice: "PHONE" }, null))).toBe(false);
});

test("a device that the engine did not know yet is known by its key", async () => {
  expect(await isGenuine(client, received({}))).toBe(true);
  expect(await isGenuine(client, received({ senderCurve25519KeyBase64: "the server's own" }))).toBe(false);
  expect(await isGenuine(client, received({}, "LAPTOP"))).toBe(false);
});
