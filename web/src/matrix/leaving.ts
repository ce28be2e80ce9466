/**
 * What is said of a page as it is left: a browser ends its requests with it, but for those that are to outlive it
 * (Fetch: `keepalive`). A receipt that is lost has what was read told of again at the next start.
 */
const OUTLIVES = /\/rooms\/[^/]+\/(?:receipt\/|read_markers$)/;

/** `fetch` whose receipts arrive although the page is closed. */
export function withLastWords(ask: typeof fetch): typeof fetch {
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    return ask(input, OUTLIVES.test(url) ? { ...init, keepalive: true } : init);
  };
}
