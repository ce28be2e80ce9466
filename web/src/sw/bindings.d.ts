/** The engine's own code, which its package describes at its entry only. */
declare module "*/matrix_sdk_crypto_wasm_bg.js" {
  export * from "@matrix-org/matrix-sdk-crypto-wasm";
  export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
}
