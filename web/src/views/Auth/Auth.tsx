import "./Auth.css";
import { Languages } from "lucide-react";
import { useMemo } from "react";
import { useReadable, useT } from "../../app/hooks.ts";
import { Link } from "../../app/Link.tsx";
import { setPreference } from "../../app/preferences.ts";
import { router } from "../../app/router.ts";
import { Button } from "../../ui/controls.tsx";
import { Logo } from "../../ui/Logo.tsx";
import { AuthModel } from "../../viewmodels/auth.ts";
import { RegisterForm } from "./RegisterForm.tsx";
import { SignInForm } from "./SignInForm.tsx";

/** The first screen: sign in, or create an account. */
export function Auth() {
  const t = useT();
  const route = useReadable(router.route);
  const registering = route.name === "register";
  // Each form starts afresh: a problem of the one says nothing about the other.
  const model = useMemo(() => new AuthModel(), [registering]);
  const { server } = useReadable(model.snapshot);
  const chinese = t.locale.startsWith("zh");
  return (
    <main className="auth">
      <div className="auth__card">
        <Logo className="auth__logo" />
        <header className="auth__head">
          <h1>{t(registering ? "auth.register.title" : "auth.signIn.title")}</h1>
          <p>
            {t("app.tagline")} <span className="auth__server">{t("auth.server", { server })}</span>
          </p>
        </header>
        {registering ? <RegisterForm model={model} token={route.token} /> : <SignInForm model={model} />}
        <Link className="auth__other" to={registering ? { name: "sign-in" } : { name: "register", token: "" }} replace>
          {t(registering ? "auth.toSignIn" : "auth.toRegister")}
        </Link>
      </div>
      <Button kind="text" className="auth__language" onClick={() => setPreference("language", chinese ? "en" : "zh")}>
        <Languages aria-hidden />
        {chinese ? "English" : "简体中文"}
      </Button>
    </main>
  );
}
