import { useT } from "../../base/hooks.ts";
import type { PollQuestion } from "../../lib/polls.ts";
import type { PollState } from "../../matrix/types.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Dialog } from "../../ui/Dialog.tsx";

interface PollVotersProps {
  poll: PollQuestion;
  state: PollState;
  onClose: () => void;
}

/** Who voted for what. */
export function PollVoters({ poll, state, onClose }: PollVotersProps) {
  const t = useT();
  return (
    <Dialog title={poll.question} onClose={onClose}>
      <div className="dialog__body poll-voters">
        {poll.answers.map(({ id, text }, index) => {
          const { count = 0, people = [] } = state.answers[index] ?? {};
          return (
            <section key={id}>
              <h3 dir="auto">{text}</h3>
              <p className="poll__count">{t.count("poll.votes", count)}</p>
              <ul>
                {people.map((person) => (
                  <li key={person.id} className="poll-voters__person">
                    <Avatar id={person.id} name={person.name} picture={person.avatar} size="s" />
                    <bdi className="ellipsis">{person.me === true ? t("preview.you") : person.name}</bdi>
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
      </div>
    </Dialog>
  );
}
