/**
 * Requests that outlive the page which makes them (Fetch: `keepalive`). A browser ends all others when the page is closed,
 * and a message whose receipt is lost is unread again at the next start.
 */
const OUTLIVES = /\/rooms\/[^/]+\/(?:receipt\/|read_markers$)/;

/** `fetch` with `keepalive` for receipts and read markers. */
export function withKeepalive(ask: typeof fetch): typeof fetch {
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    return ask(input, OUTLIVES.test(url) ? { ...init, keepalive: true } : init);
  };
}
