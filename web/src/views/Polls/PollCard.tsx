import "./Polls.css";
import { Check } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import type { PollQuestion } from "../../lib/polls.ts";
import type { PollState, TimelineEvent } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import { Confirm } from "../../ui/Dialog.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { PollVoters } from "./PollVoters.tsx";

interface PollCardProps {
  poll: PollQuestion;
  event: TimelineEvent;
  model: ConversationModel;
  meta: ReactNode;
}

/** A poll on its way has no votes yet; then it is watched. */
export function PollCard(props: PollCardProps) {
  const { poll, event, meta } = props;
  if (event.id !== undefined) return <LivePoll {...props} pollId={event.id} />;
  return (
    <div className="bubble__text poll">
      <p className="poll__question" dir="auto">
        {poll.question}
      </p>
      {meta}
    </div>
  );
}

function LivePoll({ poll, event, model, meta, pollId }: PollCardProps & { pollId: string }) {
  const t = useT();
  const { polls } = model.room;
  const source = useMemo(() => polls.state(pollId, poll, event.sender.id), [polls, pollId, poll, event.sender.id]);
  const state = useReadable(source);
  const [closing, setClosing] = useState(false);
  const [showing, setShowing] = useState(false);
  const { closed, mine, voters, can } = state;
  // Whoever has not voted sees no result that could sway them; a hidden poll shows it at the end.
  const results = closed || (poll.disclosed && mine.length > 0);
  const vote = (answers: readonly string[]) => void attempt(() => polls.vote(pollId, poll, answers));
  const close = () => void attempt(() => polls.close(pollId, poll, closingText(poll, state, t("poll.closed"))));
  return (
    <div className="bubble__text poll">
      <p className="poll__question" dir="auto">
        {poll.question}
      </p>
      <p className="poll__kind">{kindText(poll, closed, t)}</p>
      <Answers key={mine.join()} poll={poll} state={state} results={results} onVote={vote} />
      <div className="poll__foot">
        {results && voters > 0 ? (
          <Button kind="text" onClick={() => setShowing(true)}>
            {t.count("poll.votes", voters)}
          </Button>
        ) : (
          <span className="poll__count">{t.count("poll.votes", voters)}</span>
        )}
        {mine.length > 0 && !closed && (
          <Button kind="text" onClick={() => vote([])}>
            {t("poll.retract")}
          </Button>
        )}
        {can.close && (
          <Button kind="text" onClick={() => setClosing(true)}>
            {t("poll.close")}
          </Button>
        )}
      </div>
      {meta}
      {closing && (
        <Confirm
          title={t("poll.close.title")}
          text={t("poll.close.text")}
          action={t("poll.close")}
          onConfirm={close}
          onClose={() => setClosing(false)}
        />
      )}
      {showing && <PollVoters poll={poll} state={state} onClose={() => setShowing(false)} />}
    </div>
  );
}

function kindText(poll: PollQuestion, closed: boolean, t: ReturnType<typeof useT>): string {
  if (closed) return t("poll.final");
  return poll.disclosed ? t("poll.disclosed") : t("poll.undisclosed");
}

/** What older clients show of the end: the answers that won. */
function closingText(poll: PollQuestion, state: PollState, title: string): string {
  const most = Math.max(...state.answers.map(({ count }) => count));
  const winners = poll.answers.filter((_, index) => most > 0 && state.answers[index]?.count === most);
  return winners.length === 0 ? title : `${title} ${winners.map(({ text }) => text).join(", ")}`;
}

interface AnswersProps {
  poll: PollQuestion;
  state: PollState;
  results: boolean;
  onVote: (answers: readonly string[]) => void;
}

/** One answer is chosen by a click; of several, a button sends the choice. */
function Answers({ poll, state, results, onVote }: AnswersProps) {
  const t = useT();
  const { closed, mine, voters, can } = state;
  const several = poll.max > 1;
  const [chosen, setChosen] = useState<readonly string[]>(mine);
  const choose = (id: string) => {
    if (!several) return onVote([id]);
    if (chosen.includes(id)) setChosen(chosen.filter((other) => other !== id));
    else if (chosen.length < poll.max) setChosen([...chosen, id]);
  };
  const most = Math.max(...state.answers.map(({ count }) => count));
  const percent = new Intl.NumberFormat(t.locale, { style: "percent" });
  return (
    <>
      <div role="group" aria-label={poll.question} className="poll__answers">
        {poll.answers.map(({ id, text }, index) => {
          const count = state.answers[index]?.count ?? 0;
          const share = voters === 0 ? 0 : count / voters;
          const picked = (several ? chosen : mine).includes(id);
          return (
            <button
              key={id}
              type="button"
              aria-pressed={picked}
              className="poll__answer"
              data-winner={closed && count > 0 && count === most}
              disabled={closed || !can.vote}
              onClick={() => choose(id)}
            >
              <span className="poll__mark" data-square={several}>
                {picked && <Check aria-hidden />}
              </span>
              <span className="poll__text" dir="auto">
                {text}
              </span>
              {results && <span className="poll__share">{percent.format(share)}</span>}
              {results && <meter className="poll__bar" value={share} aria-hidden />}
            </button>
          );
        })}
      </div>
      {several && !closed && can.vote && (
        <Button kind="primary" disabled={sameSet(chosen, mine)} onClick={() => onVote(chosen)}>
          {t("poll.vote")}
        </Button>
      )}
    </>
  );
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
