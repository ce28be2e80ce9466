import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/appearance.css";
import "./ui/ui.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App.tsx";
import { loadCatalogue } from "./base/translate.ts";
import { applyPreferences } from "./base/preferences.ts";
import { endTransactionsWhenKept } from "./lib/kept.ts";
import { problemOf } from "./matrix/errors.ts";
import { installServiceWorker } from "./viewmodels/serviceworker.ts";
import { watchLaunches } from "./viewmodels/shared.ts";
import { app } from "./viewmodels/app.ts";
import { followNotifications } from "./viewmodels/pushed.ts";

// The shell says when there is no connection, and what was called off is no fault. Nobody waits for what is not handled
// anywhere else, such as a request that ends with the page it was made by.
window.addEventListener("unhandledrejection", (event) => {
  const { kind } = problemOf(event.reason);
  if (kind === "offline" || kind === "cancelled") event.preventDefault();
});

endTransactionsWhenKept(() => location.reload());
applyPreferences();
app.start();
installServiceWorker();
watchLaunches();
followNotifications();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has lost its root element");
// Nobody sees words of another language first.
void loadCatalogue().then(() =>
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
);
