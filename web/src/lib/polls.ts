/**
 * Polls as events: the form that clients send today (MSC3381 with its unstable names) and the stable one, read into the
 * same values, and the counting of votes.
 */
type Content = Readonly<Record<string, unknown>>;

export interface PollAnswer {
  id: string;
  text: string;
}

export interface PollQuestion {
  question: string;
  answers: readonly PollAnswer[];
  /** How many answers one may choose. */
  max: number;
  /** Votes can be seen before the poll is closed. */
  disclosed: boolean;
  /** Which of the two forms its votes have to take. */
  stable: boolean;
}

export interface PollResponse {
  sender: string;
  timestamp: number;
  answers: readonly string[];
}

export const POLL_START = ["m.poll.start", "org.matrix.msc3381.poll.start"] as const;
export const POLL_RESPONSE = ["m.poll.response", "org.matrix.msc3381.poll.response"] as const;
export const POLL_END = ["m.poll.end", "org.matrix.msc3381.poll.end"] as const;

/** The specification's limit: further answers are ignored. */
export const MAX_ANSWERS = 20;

export function isPollStart(type: string): boolean {
  return (POLL_START as readonly string[]).includes(type);
}

/** Nothing for what is no valid poll. */
export function readPoll(content: Content): PollQuestion | undefined {
  const stable = isRecord(content["m.poll"]);
  const poll = content["m.poll"] ?? content["org.matrix.msc3381.poll.start"];
  if (!isRecord(poll)) return undefined;
  const question = textOf(poll.question);
  const answers = (Array.isArray(poll.answers) ? poll.answers : []).slice(0, MAX_ANSWERS).flatMap((answer: unknown) => {
    const id = isRecord(answer) ? (answer["m.id"] ?? answer.id) : undefined;
    const text = textOf(answer);
    return typeof id === "string" && text !== undefined ? [{ id, text }] : [];
  });
  if (question === undefined || answers.length === 0) return undefined;
  const max = typeof poll.max_selections === "number" ? Math.floor(poll.max_selections) : 1;
  const disclosed = poll.kind === "m.disclosed" || /\bpoll\.disclosed$/.test(String(poll.kind));
  return { question, answers, max: Math.min(Math.max(1, max), answers.length), disclosed, stable };
}

/** The answers that a response chooses. */
export function readResponse(content: Content): readonly string[] {
  const response = content["org.matrix.msc3381.poll.response"];
  const chosen = content["m.selections"] ?? (isRecord(response) ? response.answers : undefined);
  return Array.isArray(chosen) ? chosen.filter((id): id is string => typeof id === "string") : [];
}

/** Everybody's last vote before the poll was closed, by person. A vote with an answer that there is not is no vote. */
export function countVotes(
  poll: PollQuestion,
  responses: readonly PollResponse[],
  closedAt = Number.POSITIVE_INFINITY,
): ReadonlyMap<string, readonly string[]> {
  const last = new Map<string, PollResponse>();
  for (const response of responses) {
    const before = last.get(response.sender);
    if (response.timestamp > closedAt || (before !== undefined && before.timestamp > response.timestamp)) continue;
    last.set(response.sender, response);
  }
  const known = new Set(poll.answers.map(({ id }) => id));
  const votes = new Map<string, readonly string[]>();
  for (const [sender, { answers }] of last) {
    const chosen = [...new Set(answers.slice(0, poll.max))];
    if (chosen.length > 0 && chosen.every((id) => known.has(id))) votes.set(sender, chosen);
  }
  return votes;
}

/** A new poll, in the form that clients understand today. */
export function pollContent(question: string, answers: readonly string[], max: number, disclosed: boolean) {
  const numbered = answers.map((text, index) => `${index + 1}. ${text}`);
  return {
    "org.matrix.msc3381.poll.start": {
      question: { "org.matrix.msc1767.text": question, body: question, msgtype: "m.text" },
      kind: `org.matrix.msc3381.poll.${disclosed ? "disclosed" : "undisclosed"}`,
      max_selections: max,
      answers: answers.map((text, index) => ({ id: `answer-${index + 1}`, "org.matrix.msc1767.text": text })),
    },
    "org.matrix.msc1767.text": [question, ...numbered].join("\n"),
  };
}

export function responseContent(poll: PollQuestion, pollId: string, answers: readonly string[]) {
  const relation = { "m.relates_to": { rel_type: "m.reference", event_id: pollId } };
  if (poll.stable) return { type: POLL_RESPONSE[0], content: { ...relation, "m.selections": answers } };
  return { type: POLL_RESPONSE[1], content: { ...relation, "org.matrix.msc3381.poll.response": { answers } } };
}

export function endContent(poll: PollQuestion, pollId: string, text: string) {
  const relation = { "m.relates_to": { rel_type: "m.reference", event_id: pollId } };
  if (poll.stable) return { type: POLL_END[0], content: { ...relation, "m.text": [{ body: text }] } };
  return {
    type: POLL_END[1],
    content: { ...relation, "org.matrix.msc3381.poll.end": {}, "org.matrix.msc1767.text": text },
  };
}

function textOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const blocks = value["m.text"];
  const block: unknown = Array.isArray(blocks) ? (isRecord(blocks[0]) ? blocks[0].body : undefined) : blocks;
  const text = block ?? value["org.matrix.msc1767.text"] ?? value.body;
  return typeof text === "string" && text.trim() !== "" ? text.trim() : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
