import { lazy, Suspense } from "react";
import { app } from "../viewmodels/app.ts";
import { Auth } from "../views/Auth/Auth.tsx";
import { LoadingShell } from "../views/Shell/LoadingShell.tsx";
import { ToastHost } from "../views/Toast/Toast.tsx";
import { Elsewhere, KeysLost } from "../views/Encryption/Standstill.tsx";
import { Failure, FailureBoundary } from "./Failure.tsx";
import { AccountContext, useReadable } from "../base/hooks.ts";
import { Words } from "../base/Words.tsx";

const loadShell = () => import("../views/Shell/Shell.tsx");
const Shell = lazy(loadShell);
// Whoever is signed in gets the views while the account is being opened.
if (app.state.get().phase === "loading") void loadShell();

/** Chooses between the sign-in screen and the client. */
export function App() {
  const state = useReadable(app.state);
  return (
    <Words>
      <FailureBoundary>
        {state.phase === "signed-out" && <Auth />}
        {state.phase === "loading" && <LoadingShell />}
        {state.phase === "elsewhere" && <Elsewhere taking={state.taking} />}
        {state.phase === "keys-lost" && <KeysLost />}
        {state.phase === "broken" && <Failure />}
        {state.phase === "ready" && (
          <AccountContext value={state.account}>
            <Suspense fallback={<LoadingShell />}>
              <Shell />
            </Suspense>
          </AccountContext>
        )}
        <ToastHost />
      </FailureBoundary>
    </Words>
  );
}
