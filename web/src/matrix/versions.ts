/**
 * What the server supports, as it said last time: the SDK asks before it reads its store, and the screen would wait for
 * the answer. A server that has learnt something is known to have with the next start.
 */
const PATH = "/_matrix/client/versions";

/** `fetch` that answers the first such question by itself, if it can, and asks the server all the same. */
export function withKnownVersions(ask: typeof fetch, userId: string): typeof fetch {
  const key = `im2.versions:${userId}`;
  let answered = false;
  const askVersions = async (...request: Parameters<typeof fetch>) => {
    const response = await ask(...request);
    if (response.ok) localStorage.setItem(key, await response.clone().text());
    return response;
  };
  return async (input, init) => {
    if (!pathOf(input).endsWith(PATH)) return ask(input, init);
    const asked = askVersions(input, init);
    const known = localStorage.getItem(key);
    if (answered || known === null) return asked;
    answered = true;
    asked.catch(() => undefined);
    return new Response(known, { headers: { "Content-Type": "application/json" } });
  };
}

function pathOf(input: RequestInfo | URL): string {
  return new URL(input instanceof Request ? input.url : input, window.location.href).pathname;
}
