import "./styles/tokens.css";
import "./styles/base.css";
import "./ui/ui.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App.tsx";
import { applyPreferences } from "./app/preferences.ts";
import { app } from "./viewmodels/app.ts";

applyPreferences();
app.start();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has lost its root element");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
