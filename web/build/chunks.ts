/**
 * Which modules are one file. What is loaded together is together: before the first screen, `first`; for somebody who is
 * signed in, `account` and `shell`. Left to the bundler, each set of entries that share a module would have a file for it,
 * thirty in all, and files that are compressed alone are larger.
 */
import type { Plugin } from "vite";

/** Where the client of somebody who is signed in begins. Both are loaded at once. */
export const CLIENT = { account: "/src/matrix/account.ts", shell: "/src/views/Shell/Shell.tsx" };

/**
 * Calls, for who is on a server that has them: what is shown of them, and with LiveKit what handles the media of one that
 * somebody takes part in.
 */
const CALLS = ["/matrix/calls/calls.ts", "/views/Call/parts.tsx"];
const MEDIA = "/matrix/calls/session.ts";
/** All of MatrixRTC but the names of its types of events. */
const OF_MEDIA = /\/lib\/matrixrtc\/(?!types\.js)/;

/** Loaded apart from what is opened now and then: large, or wanted at once. */
const APART = [
  "/matrix/calls/find.ts",
  ...CALLS,
  "/lib/tex.ts",
  "/lib/highlight.ts",
  "/views/People/Scanner.tsx",
  "/views/Encryption/EncryptionHost.tsx",
  "/rust-crypto/index.js",
  "/rust-crypto/rust-crypto.js",
];

export function chunks(): Plugin {
  const groups = new Map<string, string>();
  return {
    name: "chunks",
    apply: "build",
    config: () => ({
      build: {
        rolldownOptions: {
          output: {
            codeSplitting: {
              includeDependenciesRecursively: false,
              groups: [{ debugName: "loaded together", name: (id: string) => groups.get(id) ?? null }],
            },
          },
        },
      },
    }),
    buildEnd() {
      const modules = [...this.getModuleIds()];
      const reach = (from: Iterable<string>, found = new Set<string>()) => {
        for (const id of from) {
          if (found.has(id)) continue;
          found.add(id);
          reach(this.getModuleInfo(id)?.importedIds ?? [], found);
        }
        return found;
      };
      const ending = (path: string) => modules.filter((id) => id.endsWith(path));
      const first = reach(modules.filter((id) => this.getModuleInfo(id)?.isEntry));
      const account = reach(ending(CLIENT.account));
      const shell = reach(ending(CLIENT.shell));
      // What the sign-in loads when it needs it waits for nothing else.
      const later = [...first].flatMap((id) => this.getModuleInfo(id)?.dynamicallyImportedIds ?? []);
      const apart = reach(later.filter((id) => !Object.values(CLIENT).some((path) => id.endsWith(path))));
      // Small views that are opened now and then.
      const opened = [...account, ...shell].flatMap((id) => this.getModuleInfo(id)?.dynamicallyImportedIds ?? []);
      const occasional = reach(opened.filter((id) => !APART.some((path) => id.endsWith(path))));
      const calls = reach(CALLS.flatMap(ending));
      const media = reach(ending(MEDIA));
      for (const id of modules) {
        if (first.has(id)) groups.set(id, "first");
        // Named by what the SDK always has, and not used there.
        else if (media.has(id) && OF_MEDIA.test(id)) groups.set(id, "callmedia");
        else if (apart.has(id)) continue;
        else if (account.has(id)) groups.set(id, "account");
        else if (shell.has(id)) groups.set(id, "shell");
        // Neither of the two has the other loaded.
        else if (occasional.has(id)) groups.set(id, calls.has(id) || media.has(id) ? "shell" : "occasional");
        else if (calls.has(id)) groups.set(id, "calls");
        else if (media.has(id)) groups.set(id, "callmedia");
      }
    },
  };
}
