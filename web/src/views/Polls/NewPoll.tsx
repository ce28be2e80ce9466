import "./Polls.css";
import { Plus, X } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useT } from "../../base/hooks.ts";
import { MAX_ANSWERS } from "../../lib/polls.ts";
import type { RoomHandle } from "../../matrix/room.ts";
import { Button, Field, IconButton, Switch } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { attempt } from "../../viewmodels/toasts.ts";

const MAX_TEXT = 340;

/** Asks everybody in a conversation. */
export function NewPoll({ room, onClose }: { room: RoomHandle; onClose: () => void }) {
  const t = useT();
  const form = useRef<HTMLFormElement>(null);
  const [question, setQuestion] = useState("");
  const [answers, setAnswers] = useState<readonly string[]>(["", ""]);
  const [several, setSeveral] = useState(false);
  const [hidden, setHidden] = useState(false);
  const [busy, setBusy] = useState(false);
  const filled = answers.map((answer) => answer.trim()).filter((answer) => answer !== "");
  const complete = question.trim() !== "" && filled.length >= 2 && new Set(filled).size === filled.length;
  const change = (index: number, text: string) =>
    setAnswers(answers.map((answer, position) => (position === index ? text : answer)));
  const add = () => {
    setAnswers([...answers, ""]);
    requestAnimationFrame(() =>
      [...(form.current?.querySelectorAll<HTMLElement>(".new-poll__answer input") ?? [])].at(-1)?.focus(),
    );
  };
  const create = async (event: FormEvent) => {
    event.preventDefault();
    if (!complete) return;
    setBusy(true);
    const done = await attempt(() => room.polls.create(question.trim(), filled, several ? filled.length : 1, !hidden));
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog title={t("poll.new")} onClose={onClose}>
      <form ref={form} className="dialog__body" onSubmit={create}>
        <Field label={t("poll.question")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              dir="auto"
              autoFocus
              autoComplete="off"
              maxLength={MAX_TEXT}
              value={question}
              onChange={(event) => setQuestion(event.target.value)}
            />
          )}
        </Field>
        <fieldset className="new-poll__answers">
          <legend className="field__label">{t("poll.answers")}</legend>
          {answers.map((answer, index) => (
            // Answers have no identity but their place.
            <div key={index} className="new-poll__answer">
              <input
                className="field__input"
                dir="auto"
                aria-label={t("poll.answer", { number: index + 1 })}
                placeholder={t("poll.answer", { number: index + 1 })}
                autoComplete="off"
                maxLength={MAX_TEXT}
                value={answer}
                onChange={(event) => change(index, event.target.value)}
              />
              {answers.length > 2 && (
                <IconButton
                  label={t("poll.answer.remove", { number: index + 1 })}
                  onClick={() => setAnswers(answers.filter((_, position) => position !== index))}
                >
                  <X />
                </IconButton>
              )}
            </div>
          ))}
          {answers.length < MAX_ANSWERS && (
            <Button kind="text" onClick={add}>
              <Plus aria-hidden />
              {t("poll.answer.add")}
            </Button>
          )}
        </fieldset>
        <Switch label={t("poll.several")} checked={several} onChange={setSeveral} />
        <Switch label={t("poll.hidden")} hint={t("poll.hidden.hint")} checked={hidden} onChange={setHidden} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={!complete}>
            {t("poll.create")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
