import "./Trouble.css";
import { useT } from "../../base/hooks.ts";
import type { Translate } from "../../i18n/index.ts";
import { classes } from "../../lib/classes.ts";
import { problemText } from "../../lib/problem.ts";
import type { Problem } from "../../matrix/errors.ts";
import type { PendingChange, TimelineEvent } from "../../matrix/types.ts";
import { Button } from "../../ui/controls.tsx";
import type { ConversationModel } from "../../viewmodels/conversation.ts";
import { reactionName } from "./ReactionMark.tsx";

/** Says beside a message what of it was not sent and why, and offers what can be done. */
export function Trouble({ event, model }: { event: TimelineEvent; model: ConversationModel }) {
  const t = useT();
  const { key, status, problem, changes = [] } = event;
  return (
    <>
      {status === "failed" && (
        <Line failed item={{ key }} text={withReason(t("message.failed.why"), problem, t)} model={model} />
      )}
      {status === "waiting" && <Line item={{ key }} text={waitingText(problem, t)} model={model} />}
      {changes.map((change) => {
        if (change.status !== "failed" && change.status !== "waiting") return null;
        const failed = change.status === "failed";
        const text = failed
          ? withReason(failedText(change, t), change.problem, t)
          : `${waitingFor(change, t)} ${waitingText(change.problem, t)}`;
        return <Line key={change.key} failed={failed} item={change} text={text} model={model} />;
      })}
    </>
  );
}

interface LineProps {
  item: { key: string };
  text: string;
  model: ConversationModel;
  failed?: boolean;
}

function Line({ item, text, model, failed = false }: LineProps) {
  const t = useT();
  return (
    <div className={classes("trouble", failed && "trouble--failed")} role={failed ? "alert" : "status"}>
      <span className="trouble__text">{text}</span>
      <span className="trouble__actions">
        <Button kind="text" onClick={() => model.retry(item)}>
          {t("action.retry")}
        </Button>
        <Button kind="text" onClick={() => model.discard(item)}>
          {t("action.discard")}
        </Button>
      </span>
    </div>
  );
}

function withReason(what: string, problem: Problem | undefined, t: Translate): string {
  return problem === undefined ? what : `${what} ${problemText(problem, t)}`;
}

/** What something that goes out by itself is waiting for. */
export function waitingText(problem: Problem | undefined, t: Translate): string {
  if (problem?.kind === "slow-mode") return problemText(problem, t);
  return t(problem === undefined || problem.kind === "offline" ? "message.waiting" : "message.waiting.server");
}

function failedText({ what, emoji = "" }: PendingChange, t: Translate): string {
  return what === "reaction"
    ? t("message.failed.reaction", { emoji: reactionName({ emoji }, t) })
    : t(`message.failed.${what}`);
}

function waitingFor({ what, emoji = "" }: PendingChange, t: Translate): string {
  return what === "reaction"
    ? t("message.pending.reaction", { emoji: reactionName({ emoji }, t) })
    : t(`message.pending.${what}`);
}
