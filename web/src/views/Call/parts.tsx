/** Everything that is shown of calls, as one file that is loaded where the server has them. */
import "../../base/callWords.ts";
import "./Call.css";

export { CallBanner } from "./CallBanner.tsx";
export { CallButtons } from "./CallButtons.tsx";
export { CallBars, CallHost } from "./CallHost.tsx";
