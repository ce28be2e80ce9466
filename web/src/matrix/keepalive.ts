/**
 * Requests that outlive the page which makes them (Fetch: `keepalive`). A browser ends all others when the page is closed:
 * a message whose receipt is lost is unread again at the next start, and whoever closes the page would stay in the call.
 */
const OUTLIVES = /\/rooms\/[^/]+\/(?:receipt\/|read_markers$)|\/delayed_events\/[^/]+\/send$/;

/** `fetch` with `keepalive` for receipts, read markers and leaving a call. */
export function withKeepalive(ask: typeof fetch): typeof fetch {
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    return ask(input, OUTLIVES.test(url) ? { ...init, keepalive: true } : init);
  };
}
