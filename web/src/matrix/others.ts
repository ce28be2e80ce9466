/** What is new in accounts that are signed in here and not in use: asked for now and then, without opening them. */
import { storedSession } from "./session.ts";
import { Tokens } from "./tokens.ts";

/** Enough to tell whether there is something; nobody reads the number. */
const LIMIT = 20;

interface Notified {
  read: boolean;
}

/** Whether something notified an account that has not been read; nothing where that cannot be known now. */
export async function hasNews(userId: string): Promise<boolean | undefined> {
  const session = storedSession(userId);
  if (session === undefined) return undefined;
  // Nothing keeps its token fresh between two questions.
  const tokens = new Tokens(session, false);
  try {
    const url = new URL(`/_matrix/client/v3/notifications?limit=${LIMIT}`, session.homeserver);
    const answer = await tokens.fetch(url, { headers: { Authorization: "Bearer" } });
    if (!answer.ok) return undefined;
    const { notifications } = (await answer.json()) as { notifications: Notified[] };
    return notifications.some(({ read }) => !read);
  } catch {
    return undefined;
  } finally {
    tokens.stop();
  }
}
