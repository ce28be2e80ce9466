import { createCipheriv, createHmac, pbkdf2Sync } from "node:crypto";
import { expect, test } from "vitest";
import type { ProblemError } from "../errors.ts";
import { decryptKeyFile, encryptKeyFile } from "./keyfile.ts";

const KEYS = JSON.stringify([{ algorithm: "m.megolm.v1.aes-sha2", room_id: "!a:b", note: "密钥" }]);

/** A file as another implementation would write it. */
function written(passphrase: string, rounds: number): string {
  const [salt, iv] = [Buffer.alloc(16, 7), Buffer.alloc(16, 9)];
  const derived = pbkdf2Sync(passphrase, salt, rounds, 64, "sha512");
  const cipher = createCipheriv("aes-256-ctr", derived.subarray(0, 32), iv);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(rounds);
  const body = Buffer.concat([Buffer.from([1]), salt, iv, count, cipher.update(KEYS), cipher.final()]);
  const mac = createHmac("sha256", derived.subarray(32)).update(body).digest();
  const text = Buffer.concat([body, mac]).toString("base64");
  return `-----BEGIN MEGOLM SESSION DATA-----\r\n${text}\r\n-----END MEGOLM SESSION DATA-----\r\n`;
}

test("what was exported can be imported, and so can the files of others", async () => {
  const file = await encryptKeyFile(KEYS, "my passphrase", 1000);
  expect(await decryptKeyFile(await file.text(), "my passphrase")).toBe(KEYS);
  expect(await decryptKeyFile(written("other", 1000), "other")).toBe(KEYS);
});

test("a wrong passphrase and a wrong file are told apart", async () => {
  const problem = (file: string, passphrase: string) =>
    decryptKeyFile(file, passphrase).catch((error: unknown) => (error as ProblemError).problem.kind);
  const good = written("right", 1000);
  expect(await problem(good, "wrong")).toBe("wrong-passphrase");
  for (const bad of [
    "",
    "{}",
    good.slice(0, 60),
    good.replace(/\r\n[^-]+/, "\r\n!!!\r\n"),
    good.replace(/\r\n[^-]+/, "\r\nAQ==\r\n"),
  ]) {
    expect(await problem(bad, "right")).toBe("not-a-key-file");
  }
});
