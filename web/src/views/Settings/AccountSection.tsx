import { Download, Link2, LogOut, UserX } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useAccount, useT } from "../../base/hooks.ts";
import { problemText } from "../../lib/problem.ts";
import { saveFile } from "../../lib/save.ts";
import { type Problem, problemOf } from "../../matrix/errors.ts";
import { Button, Field, Switch } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/Dialog.tsx";
import { app } from "../../viewmodels/app.ts";
import { attempt } from "../../viewmodels/toasts.ts";
import { AccountList } from "../Shell/AccountMenu.tsx";
import { PasswordInput } from "../Auth/PasswordInput.tsx";
import { Card } from "./parts.tsx";
import { PasswordForm } from "./PasswordForm.tsx";
import { SignOut } from "./SignOut.tsx";

export function AccountSection() {
  const t = useT();
  const account = useAccount();
  const [layer, setLayer] = useState<"leave" | "deactivate">();
  const close = () => setLayer(undefined);
  const [taking, setTaking] = useState(false);
  const takeOut = async () => {
    setTaking(true);
    await attempt(async () => saveFile(await account.takeOut()));
    setTaking(false);
  };
  const handleLinks = () => navigator.registerProtocolHandler("matrix", `${window.location.origin}/open?uri=%s`);
  return (
    <>
      <Card>
        <div className="settings__row">
          <span>{t("settings.address")}</span>
          <code className="settings__address">{account.userId}</code>
        </div>
        <div className="settings__row">
          <span>{t("settings.server")}</span>
          <code className="settings__address">{account.homeserver}</code>
        </div>
      </Card>
      <Card title={t("accounts.title")} text={t("accounts.text")}>
        <AccountList onChosen={() => undefined} />
      </Card>
      <Card title={t("settings.security")}>
        <PasswordForm />
      </Card>
      <Card title={t("settings.session")}>
        <div>
          <Button kind="danger-quiet" onClick={() => setLayer("leave")}>
            <LogOut aria-hidden />
            {t("settings.signOut")}
          </Button>
        </div>
      </Card>
      <Card title={t("takeout.title")} text={t("takeout.text")}>
        <div>
          <Button busy={taking} onClick={() => void takeOut()}>
            <Download aria-hidden />
            {t("takeout.do")}
          </Button>
        </div>
      </Card>
      {"registerProtocolHandler" in navigator && (
        <Card title={t("links.title")} text={t("links.text")} kept="device">
          <div>
            <Button onClick={handleLinks}>
              <Link2 aria-hidden />
              {t("links.do")}
            </Button>
          </div>
        </Card>
      )}
      <Card title={t("settings.deactivate")} text={t("settings.deactivate.text")}>
        <div>
          <Button kind="danger-quiet" onClick={() => setLayer("deactivate")}>
            <UserX aria-hidden />
            {t("settings.deactivate.open")}
          </Button>
        </div>
      </Card>
      {layer === "leave" && <SignOut onClose={close} />}
      {layer === "deactivate" && <Deactivate onClose={close} />}
    </>
  );
}

function Deactivate({ onClose }: { onClose: () => void }) {
  const t = useT();
  const account = useAccount();
  const [password, setPassword] = useState("");
  const [erase, setErase] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      await account.deactivate(password, erase);
      await app.signOut();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t("settings.deactivate.title")} onClose={onClose}>
      <form className="dialog__body" onSubmit={(event) => void submit(event)}>
        <ul className="settings__points">
          <li>{t("settings.deactivate.point.leave")}</li>
          <li>{t("settings.deactivate.point.name")}</li>
          <li>{t("settings.deactivate.point.messages")}</li>
        </ul>
        <Switch
          label={t("settings.deactivate.erase")}
          hint={t("settings.deactivate.erase.hint")}
          checked={erase}
          onChange={setErase}
        />
        <Field label={t("settings.password.current")}>
          {(ids) => <PasswordInput {...ids} autoComplete="current-password" value={password} onChange={setPassword} />}
        </Field>
        {problem !== undefined && (
          <p className="notice notice--problem" role="alert">
            {problem.kind === "wrong-credentials" ? t("settings.password.wrong") : problemText(problem, t)}
          </p>
        )}
        <div className="dialog__foot">
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button kind="danger" type="submit" busy={busy} disabled={password === ""}>
            {t("settings.deactivate.do")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
