/**
 * Imports each icon from its own file, so that the bundler sees which modules use it (`build/chunks.ts`), and leaves out what
 * only a development build reads of it: React's keys of shapes that never change, and the icon's other names.
 */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const PACKAGE = new URL("../node_modules/lucide-react/dist/esm/", import.meta.url).pathname;

export function icons(): Plugin {
  const files = new Map<string, string>();
  return {
    name: "icons",
    apply: "build",
    buildStart() {
      const index = readFileSync(`${PACKAGE}lucide-react.mjs`, "utf8");
      for (const [, names = "", file = ""] of index.matchAll(/^export \{(.+)\} from '\.\/(icons\/.+)';$/gm))
        for (const [, name = ""] of names.matchAll(/default as (\w+)/g)) files.set(name, PACKAGE + file);
    },
    transform: {
      filter: { code: /lucide-react/ },
      handler(code, id) {
        if (id.startsWith(`${PACKAGE}icons/`)) return bare(code);
        return code.replace(/^import \{([^}]*)\} from "lucide-react";$/gm, (_statement, names: string) =>
          names
            .split(",")
            .filter((name) => name.trim() !== "")
            .map((name) => {
              const [icon = "", local = icon] = name.trim().split(" as ");
              const file = files.get(icon);
              return file === undefined ? this.error(`there is no icon ${icon}`) : `import ${local} from "${file}";`;
            })
            .join(" "),
        );
      },
    },
  };
}

const bare = (code: string) =>
  code
    .replaceAll(/, key: "[^"]*"/g, "")
    .replace(/,\s*aliases: \[[^\]]*\]/, "")
    .replace(/^__iconData\.node;$/m, "");
