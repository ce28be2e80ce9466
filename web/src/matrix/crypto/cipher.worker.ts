/** Encrypts and decrypts attachments off the main thread. Blobs go in and out by reference. */
import { decrypt, encrypt, type Secret } from "./cipher.ts";

export type Task = { id: number; encrypt: Blob } | { id: number; decrypt: Blob; secret: Secret; sha256: string };
export type Answer = { id: number; value?: unknown; error?: string };

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Task>) => void) | null;
  postMessage(answer: Answer): void;
};

scope.onmessage = ({ data }) => {
  const work = "encrypt" in data ? encrypt(data.encrypt) : decrypt(data.decrypt, data.secret, data.sha256);
  work.then(
    (value) => scope.postMessage({ id: data.id, value }),
    (error: unknown) => scope.postMessage({ id: data.id, error: String(error) }),
  );
};
