/**
 * Builds the encryption engine's bindings, `src/sw/engine.ts`, to one script that the page and the service worker both
 * load: it has no imports and no exports, so a module can import it and a classic worker can run it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { build, type Plugin } from "vite";

const PACKAGE = "@matrix-org/matrix-sdk-crypto-wasm";
const FILES = new URL(`../node_modules/${PACKAGE}/pkg/matrix_sdk_crypto_wasm_bg`, import.meta.url).pathname;
/** Stands in for the package in the build of the page. */
const STAND_IN = "\0engine";

/** The name of the script in the build. */
export const ENGINE_SCRIPT = /^engine-\w+\.js$/;

export function engine(): Plugin {
  return {
    name: "engine",
    apply: "build",
    enforce: "pre",
    resolveId(source) {
      if (source === PACKAGE) return STAND_IN;
      return ENGINE_SCRIPT.test(source.replace("/assets/", "")) ? { id: source, external: "absolute" } : undefined;
    },
    async load(id) {
      if (id !== STAND_IN) return undefined;
      const source = await script();
      const fileName = `assets/engine-${createHash("sha256").update(source).digest("hex").slice(0, 8)}.js`;
      this.emitFile({ type: "asset", fileName, source });
      return standIn(`/${fileName}`);
    },
  };
}

async function script(): Promise<string> {
  const result = await build({
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    build: {
      target: "es2022",
      write: false,
      rollupOptions: { input: "src/sw/engine.ts", output: { format: "iife" } },
    },
  });
  const [built] = [result].flat();
  if (built === undefined || !("output" in built)) throw new Error("the engine was not built");
  return built.output[0].code;
}

/** What the package exports, from what the script leaves in the global scope. */
function standIn(file: string): string {
  const bindings = readFileSync(`${FILES}.js`, "utf8");
  const names = [...bindings.matchAll(/^export (?:class|const|function) (?!__)(\w+)/gm)].map(([, name]) => name);
  return `import ${JSON.stringify(file)};
    import wasm from ${JSON.stringify(`${FILES}.wasm?url`)};
    const engine = globalThis.im2Engine;
    const binding = (name) => engine.bindings[name];
    export const initAsync = () => engine.start(fetch(wasm));
    ${names.map((name) => `export const ${name} = /*#__PURE__*/ binding("${name}");`).join("\n")}`;
}
