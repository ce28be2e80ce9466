import "./Auth.css";
import { Languages } from "lucide-react";
import { lazy, Suspense, useEffect, useMemo } from "react";
import { useReadable, useT } from "../../base/hooks.ts";
import { Link } from "../../base/Link.tsx";
import { setPreference } from "../../base/preferences.ts";
import { router } from "../../base/router.ts";
import { Avatar } from "../../ui/Avatar.tsx";
import { Button } from "../../ui/controls.tsx";
import { Logo } from "../../ui/Logo.tsx";
import { app } from "../../viewmodels/app.ts";
import { AuthModel } from "../../viewmodels/auth.ts";
import { destination, rememberDestination } from "../../viewmodels/destination.ts";
import { RegisterForm } from "./RegisterForm.tsx";
import { SignInForm } from "./SignInForm.tsx";

// What few people see is not part of the first screen's code.
const Accounts = lazy(() => import("./Accounts.tsx"));
const RegisterStep = lazy(() => import("./RegisterStep.tsx"));
const ServerForm = lazy(() => import("./ServerForm.tsx"));

/** The first screen: sign in, or create an account. */
export function Auth({ create = () => new AuthModel() }: { create?: () => AuthModel }) {
  const t = useT();
  const route = useReadable(router.route);
  const registering = route.name === "register";
  // Each form starts afresh: a problem of the one says nothing about the other.
  const model = useMemo(create, [registering]);
  const { server, foreign, mayChange, choosing, step } = useReadable(model.snapshot);
  const others = useReadable(app.others);
  const wanted = useReadable(destination);
  useEffect(() => rememberDestination(route), [route]);
  useEffect(() => void model.look().catch(() => undefined), [model]);
  const chinese = t.locale.startsWith("zh");
  return (
    <main className="auth">
      <div className="auth__card">
        <Logo className="auth__logo" />
        <header className="auth__head">
          <h1>
            {t(
              step !== undefined
                ? step.kind === "terms"
                  ? "auth.terms.title"
                  : "auth.step.title"
                : registering
                  ? "auth.register.title"
                  : "auth.signIn.title",
            )}
          </h1>
          <p>
            {t("app.tagline")} <span className="auth__server">{t("auth.server", { server })}</span>
          </p>
        </header>
        {wanted?.name === "person" && (
          <p className="notice auth__wanted">
            <Avatar id={wanted.userId} name={wanted.userId} size="s" />
            <span>{t("auth.wanted", { name: wanted.userId })}</span>
          </p>
        )}
        {others.length > 0 && step === undefined && !choosing && (
          <Suspense>
            <Accounts others={others} />
          </Suspense>
        )}
        {step !== undefined ? (
          <Suspense>
            <RegisterStep model={model} step={step} />
          </Suspense>
        ) : choosing ? (
          <Suspense>
            <ServerForm model={model} />
          </Suspense>
        ) : registering ? (
          <RegisterForm key={server} model={model} token={route.token} />
        ) : (
          <SignInForm model={model} />
        )}
        {step === undefined && !choosing && (
          <div className="auth__ways">
            <Link
              className="auth__other"
              to={registering ? { name: "sign-in" } : { name: "register", token: "" }}
              replace
            >
              {t(registering ? "auth.toSignIn" : "auth.toRegister")}
            </Link>
            {(mayChange || foreign) && (
              <Button kind="text" className="auth__change" onClick={() => model.chooseServer()}>
                {t("auth.otherServer")}
              </Button>
            )}
          </div>
        )}
      </div>
      <Button kind="text" className="auth__language" onClick={() => setPreference("language", chinese ? "en" : "zh")}>
        <Languages aria-hidden />
        {chinese ? "English" : "简体中文"}
      </Button>
    </main>
  );
}
