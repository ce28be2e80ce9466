/** Requests that are made before there is a signed-in client, without loading the SDK. */
import { MatrixHttpError } from "./errors.ts";

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT";
  query?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
  accessToken?: string;
}

export async function request<T>(homeserver: string, path: string, options: RequestOptions = {}): Promise<T> {
  const url = new URL(`/_matrix/client${path}`, homeserver);
  for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, value);
  const hasBody = options.body !== undefined;
  const response = await fetch(url, {
    method: options.method ?? "GET",
    headers: {
      ...(hasBody ? { "Content-Type": "application/json" } : {}),
      ...(options.accessToken === undefined ? {} : { Authorization: `Bearer ${options.accessToken}` }),
    },
    body: hasBody ? JSON.stringify(options.body) : undefined,
    signal: options.signal,
  });
  // An answer that was cut off, as by a page that is left, says nothing: it is no success.
  if (response.ok) return (await response.json()) as T;
  const body: unknown = await response.json().catch(() => ({}));
  throw httpError(response, typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {});
}

function httpError(response: Response, body: Record<string, unknown>): MatrixHttpError {
  const header = Number(response.headers.get("Retry-After"));
  const fromBody = body.retry_after_ms;
  const retryAfterMs = header > 0 ? header * 1000 : typeof fromBody === "number" ? fromBody : undefined;
  const errcode = typeof body.errcode === "string" ? body.errcode : undefined;
  return new MatrixHttpError(response.status, errcode, retryAfterMs, body);
}
