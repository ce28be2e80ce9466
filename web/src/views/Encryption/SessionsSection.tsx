/** Settings: where the account is signed in. */
import "./Encryption.css";
import { Laptop, LogOut, Pencil, ShieldCheck, ShieldQuestion } from "lucide-react";
import { type FormEvent, useCallback, useEffect, useState } from "react";
import { useAccount, useNow, useReadable, useT } from "../../base/hooks.ts";
import { listTime } from "../../lib/time.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import type { OwnSession } from "../../matrix/crypto/sessions.ts";
import { Button, Field, IconButton } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { ProblemNotice } from "../../ui/ProblemNotice.tsx";
import { openEncryption } from "../../viewmodels/encryption.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { OwnPassword } from "./PasswordField.tsx";
import { useAttempt } from "./useAttempt.ts";

type Layer = { kind: "rename"; session: OwnSession } | { kind: "end"; sessions: readonly OwnSession[] };

export function SessionsSection() {
  const t = useT();
  const { sessions, problem, reload } = useSessions();
  const [layer, setLayer] = useState<Layer>();
  const close = () => {
    setLayer(undefined);
    void reload();
  };
  const others = sessions?.filter(({ current }) => !current) ?? [];
  return (
    <section className="settings__section" aria-labelledby="settings-sessions">
      <h2 id="settings-sessions">{t("sessions.title")}</h2>
      <p className="encryption__text">{t("sessions.text")}</p>
      <ProblemNotice problem={problem} />
      {sessions === undefined && problem === undefined && <span className="skeleton sessions__wait" />}
      <ul className="sessions">
        {sessions?.map((session) => (
          <SessionRow key={session.id} session={session} onLayer={setLayer} />
        ))}
      </ul>
      {sessions !== undefined && others.length === 0 && <p className="encryption__text">{t("sessions.none")}</p>}
      {others.length > 1 && (
        <div>
          <Button kind="danger-quiet" onClick={() => setLayer({ kind: "end", sessions: others })}>
            <LogOut aria-hidden />
            {t("sessions.endOthers")}
          </Button>
        </div>
      )}
      {layer?.kind === "rename" && <RenameSession session={layer.session} onClose={close} />}
      {layer?.kind === "end" && <EndSessions sessions={layer.sessions} onClose={close} />}
    </section>
  );
}

/** The list, fetched again when the trust in one's own sessions changes. */
function useSessions() {
  const { encryption } = useAccount();
  const status = useReadable(encryption.status);
  const running = useReadable(encryption.verification);
  const changes = useReadable(encryption.ownDevices);
  const [sessions, setSessions] = useState<readonly OwnSession[]>();
  const [problem, setProblem] = useState<Problem>();
  const reload = useCallback(async () => {
    try {
      setSessions(await encryption.sessions());
      setProblem(undefined);
    } catch (error) {
      setProblem(problemOf(error));
    }
  }, [encryption]);
  // These say when the list has changed; which of the sessions nobody is signed in with, the engine may hear after the server.
  useEffect(() => void reload(), [reload, status.engine, status.session, running, changes]);
  return { sessions, problem, reload };
}

function SessionRow({ session, onLayer }: { session: OwnSession; onLayer: (layer: Layer) => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const now = useNow();
  const own = useReadable(encryption.status).session;
  const { id, current, lastSeen, address, trust } = session;
  const name = session.name || t("sessions.unnamed");
  const detail = [
    current
      ? t("sessions.current")
      : lastSeen !== undefined && t("sessions.lastSeen", { when: listTime(lastSeen, now, t.locale) }),
    address,
    id,
  ].filter(Boolean);
  const verify = () => {
    if (current) openEncryption({ kind: "verify" });
    else void attempt(() => encryption.verifySession(id));
  };
  return (
    <li className="session">
      <span className="session__icon">
        <Laptop aria-hidden />
      </span>
      <div className="session__text">
        <span className="session__name">
          <bdi className="ellipsis">{name}</bdi>
          <IconButton label={`${t("sessions.rename")}: ${name}`} onClick={() => onLayer({ kind: "rename", session })}>
            <Pencil />
          </IconButton>
        </span>
        <span className="session__detail">{detail.join(" · ")}</span>
        <span className="session__trust" data-trust={trust}>
          {trust === "verified" ? <ShieldCheck aria-hidden /> : <ShieldQuestion aria-hidden />}
          {t(`sessions.${trust}`)}
        </span>
      </div>
      <div className="session__actions">
        {trust === "unverified" && (current || own === "verified") && (
          <Button onClick={verify}>{t("sessions.verify")}</Button>
        )}
        {!current && (
          <Button kind="danger-quiet" onClick={() => onLayer({ kind: "end", sessions: [session] })}>
            {t("sessions.end")}
          </Button>
        )}
      </div>
    </li>
  );
}

function RenameSession({ session, onClose }: { session: OwnSession; onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [name, setName] = useState(session.name);
  const { busy, problem, run } = useAttempt();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (await run(() => encryption.renameSession(session.id, name.trim()))) onClose();
  };
  return (
    <Dialog title={t("sessions.rename")} onClose={onClose}>
      <form className="dialog__body" onSubmit={save}>
        <Field label={t("sessions.name")}>
          {(ids) => (
            <input
              {...ids}
              className="field__input"
              autoFocus
              maxLength={100}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={name.trim() === ""}>
            {t("action.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function EndSessions({ sessions, onClose }: { sessions: readonly OwnSession[]; onClose: () => void }) {
  const t = useT();
  const { encryption } = useAccount();
  const [password, setPassword] = useState("");
  const { busy, problem, run } = useAttempt();
  const [only] = sessions.length === 1 ? sessions : [];
  const title =
    only === undefined
      ? t("sessions.endOthers.title")
      : t("sessions.end.title", { name: only.name || t("sessions.unnamed") });
  const end = async (event: FormEvent) => {
    event.preventDefault();
    const ids = sessions.map(({ id }) => id);
    if (await run(() => encryption.endSessions(ids, password))) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="dialog__body" onSubmit={end}>
        <p className="encryption__text">{t("sessions.end.text")}</p>
        <OwnPassword value={password} onChange={setPassword} />
        <ProblemNotice problem={problem} />
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={password === ""}>
            {t(only === undefined ? "sessions.endOthers" : "sessions.end")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
