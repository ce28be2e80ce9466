/** How one's voice is treated in calls: the same in the next call, in this browser. */
import { Observable } from "../lib/observable.ts";

const KEY = "im2.call.sound";

export interface CallSound {
  noiseSuppression: boolean;
  echoCancellation: boolean;
}

const USUAL: CallSound = { noiseSuppression: true, echoCancellation: true };

function stored(): CallSound {
  try {
    const { noiseSuppression, echoCancellation } = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<CallSound>;
    return { noiseSuppression: noiseSuppression !== false, echoCancellation: echoCancellation !== false };
  } catch {
    return USUAL;
  }
}

export const callSound = new Observable<CallSound>(stored());

callSound.subscribe(() => localStorage.setItem(KEY, JSON.stringify(callSound.get())));
