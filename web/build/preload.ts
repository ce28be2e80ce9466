/** Says in the page which files the client of somebody who is signed in begins with, so that `boot.js` can ask for them. */
import type { Plugin } from "vite";
import { CLIENT } from "./chunks.ts";

const EMPTY = '<meta name="im2-client" content="" />';

export function preload(): Plugin {
  return {
    name: "preload",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const files = new Set<string>();
        const add = (name: string) => {
          const file = bundle[name];
          if (file?.type !== "chunk" || files.has(`/${name}`)) return;
          files.add(`/${name}`);
          file.imports.forEach(add);
        };
        for (const [name, file] of Object.entries(bundle)) {
          const modules = file.type === "chunk" ? file.moduleIds : [];
          if (modules.some((id) => Object.values(CLIENT).some((path) => id.endsWith(path)))) add(name);
        }
        if (files.size === 0) this.error("the client begins with other modules than build/chunks.ts says");
        const filled = html.replace(EMPTY, EMPTY.replace('""', `"${[...files].join(" ")}"`));
        if (filled === html) this.error("index.html has no place for the files that the client begins with");
        return filled;
      },
    },
  };
}
