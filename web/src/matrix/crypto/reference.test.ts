import { expect, test } from "vitest";
import { type EncryptedFile, encryptedMxc, isEncryptedFile, readEncryptedMxc } from "./reference.ts";

const file: EncryptedFile = {
  v: "v2",
  url: "mxc://example.org/abc",
  key: { alg: "A256CTR", ext: true, k: "aaa", key_ops: ["encrypt", "decrypt"], kty: "oct" },
  iv: "bbb",
  hashes: { sha256: "ccc/+" },
};

test("a reference keeps everything, and begins with the plain address", () => {
  const media = { file, mimetype: "image/png", thumbnail: { ...file, url: "mxc://example.org/small" } };
  const mxc = encryptedMxc(media);
  expect(mxc.startsWith("mxc://example.org/abc#")).toBe(true);
  expect(readEncryptedMxc(mxc)).toEqual(media);
});

test("what is no encrypted file is none", () => {
  expect(readEncryptedMxc("mxc://example.org/abc")).toBeUndefined();
  for (const fragment of [
    "",
    "%",
    "null",
    "{}",
    encodeURIComponent(JSON.stringify({ file: { ...file, url: "https://x" } })),
  ]) {
    expect(readEncryptedMxc(`mxc://example.org/abc#${fragment}`)).toBeUndefined();
  }
  for (const wrong of [null, "file", {}, { ...file, key: null }, { ...file, url: "mxc://a/b/c" }]) {
    expect(isEncryptedFile(wrong)).toBe(false);
  }
});
