/** The names of the locks that tabs and the service worker share. */

/** Held by who exchanges a token. */
export const REFRESH_LOCK = "im2.refresh";
/** Held by who has the stores of an account in use: the tab that runs the client, or the worker for a moment. */
export const CLIENT_LOCK = "im2.client";
/** Held by the worker as long as it holds or asks for the other one: a tab that finds that taken waits for this. */
export const WORKER_LOCK = "im2.client-worker";
