/** The workers of this client. A page may run scripts of its own only; this policy lets exactly these through. */
import callKeysUrl from "livekit-client/e2ee-worker?worker&url";
import cipherUrl from "./crypto/cipher.worker.ts?worker&url";

/** What each worker is for: files of encrypted conversations, pictures and sounds of encrypted calls. */
const URLS = { cipher: cipherUrl, calls: callKeysUrl } as const;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("im2-worker", {
  createScriptURL: (url) => {
    if (url !== URLS.cipher && url !== URLS.calls) throw new Error("not a worker of this client");
    return url;
  },
});

export function startWorker(which: keyof typeof URLS): Worker {
  const url = URLS[which];
  return new Worker(policy?.createScriptURL(url) ?? url, { type: "module" });
}
