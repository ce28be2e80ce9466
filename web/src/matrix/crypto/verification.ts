/**
 * Verifying somebody, or another session of one's own, by a code that one side shows and the other scans, or by comparing
 * emoji, as a value that a view can show.
 */
import {
  type ShowQrCodeCallbacks,
  type ShowSasCallbacks,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  type Verifier,
  VerifierEvent,
} from "matrix-js-sdk/lib/crypto-api/index.js";
import { Observable } from "../../lib/observable.ts";

export type VerificationState =
  /** The other side has not answered. */
  | { step: "waiting" }
  /** The other side asks. */
  | { step: "asked" }
  | { step: "preparing" }
  /** Both are there. `code` is what the other side can scan; `scan` says whether it shows a code as well. */
  | { step: "choose"; code?: string; scan: boolean }
  /** The other side says that it has scanned the code; only a person can tell whether it was they who did. */
  | { step: "scanned" }
  /** The code was scanned here and is right; the other side has to say so, too. */
  | { step: "recognised" }
  | { step: "compare"; emoji: readonly string[]; confirmed: boolean }
  | { step: "done" }
  | { step: "cancelled"; why: "them" | "me" | "mismatch" | "timeout" | "elsewhere" };

const SAS = "m.sas.v1";
const RECIPROCATE = "m.reciprocate.v1";
const SHOW = "m.qr_code.show.v1";
/** How to verify, as far as this client can. */
export const VERIFICATION_METHODS = [SAS, SHOW, "m.qr_code.scan.v1", RECIPROCATE];

export class Verification {
  readonly state: Observable<VerificationState>;
  private sas: ShowSasCallbacks | undefined;
  /** Kept here, for the SDK itself refers to it only weakly. */
  private verifier: Verifier | undefined;
  private scanned: ShowQrCodeCallbacks | undefined;
  private confirmed = false;
  private mismatched = false;
  private starting = false;
  private offering = false;

  constructor(
    private readonly request: VerificationRequest,
    /** It is this session that is to be trusted afterwards, not the other one. */
    readonly ofThisSession: boolean,
  ) {
    this.state = new Observable<VerificationState>({ step: request.initiatedByMe ? "waiting" : "asked" });
    request.on(VerificationRequestEvent.Change, this.follow);
    this.follow();
  }

  get userId(): string {
    return this.request.otherUserId;
  }

  get deviceId(): string | undefined {
    return this.request.otherDeviceId;
  }

  get own(): boolean {
    return this.request.isSelfVerification;
  }

  isOf(request: VerificationRequest): boolean {
    return this.request === request;
  }

  async accept(): Promise<void> {
    this.state.set({ step: "preparing" });
    await this.request.accept();
  }

  /** The emoji are the same on both sides. */
  async confirm(): Promise<void> {
    this.confirmed = true;
    this.show();
    await this.sas?.confirm();
  }

  /** Compares emoji instead of scanning a code. */
  compare(): void {
    this.state.set({ step: "preparing" });
    void this.begin();
  }

  /** Takes what the camera has read, a character for each byte. False when it is not the other side's code. */
  async scan(code: string): Promise<boolean> {
    if (this.starting || this.state.get().step !== "choose") return false;
    const bytes = Uint8ClampedArray.from(code, (char) => char.charCodeAt(0));
    this.starting = true;
    try {
      this.verifier = await this.request.scanQRCode(bytes);
    } catch (error) {
      this.starting = false;
      console.warn("this code does not belong to the verification", error);
      return false;
    }
    this.state.set({ step: "recognised" });
    void this.finish(this.verifier);
    return true;
  }

  /** The other side shows that it has scanned the code: a tick. */
  confirmScan(): void {
    this.state.set({ step: "preparing" });
    this.scanned?.confirm();
  }

  /** It does not: somebody else has scanned it. */
  denyScan(): void {
    this.mismatched = true;
    this.scanned?.cancel();
  }

  /** They are not: somebody is in between. */
  mismatch(): void {
    this.mismatched = true;
    this.sas?.mismatch();
  }

  async cancel(): Promise<void> {
    if (this.request.pending) await this.request.cancel();
  }

  private readonly follow = (): void => {
    const { request } = this;
    switch (request.phase) {
      case VerificationPhase.Requested:
        if (request.accepting) this.state.set({ step: "preparing" });
        break;
      case VerificationPhase.Ready:
        void this.offer();
        break;
      case VerificationPhase.Started:
        void this.begin();
        break;
      case VerificationPhase.Done:
        this.state.set({ step: "done" });
        this.stop();
        break;
      case VerificationPhase.Cancelled:
        this.state.set({ step: "cancelled", why: this.whyCancelled() });
        this.stop();
        break;
      default:
        break;
    }
  };

  /** Shows the ways that both sides know. */
  private async offer(): Promise<void> {
    if (this.offering || this.starting) return;
    this.offering = true;
    this.state.set({ step: "preparing" });
    const { request } = this;
    const bytes = await request.generateQRCode().catch(() => undefined);
    if (request.phase !== VerificationPhase.Ready || this.starting) return;
    const code = bytes === undefined ? undefined : Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const scan = request.otherPartySupportsMethod(SHOW);
    if (code !== undefined || scan) this.state.set({ step: "choose", code, scan });
    // Who has asked begins, so that the two do not begin at once.
    else if (request.initiatedByMe) await this.begin();
  }

  private async begin(): Promise<void> {
    if (this.starting) return;
    this.starting = true;
    const verifier = await this.start().catch(() => undefined);
    if (verifier === undefined) return this.cancel().catch(() => undefined);
    this.verifier = verifier;
    if (this.request.chosenMethod === RECIPROCATE) this.awaitScan(verifier);
    else {
      const show = (sas: ShowSasCallbacks) => {
        this.sas = sas;
        this.show();
      };
      verifier.on(VerifierEvent.ShowSas, show);
      const shown = verifier.getShowSasCallbacks();
      if (shown !== null) show(shown);
    }
    await this.finish(verifier);
  }

  private async start(): Promise<Verifier> {
    return this.request.verifier ?? (await this.request.startVerification(SAS));
  }

  /** The verifier tells of its changes, but only at its start of the scan. */
  private awaitScan(verifier: Verifier): void {
    const look = () => {
      const scanned = verifier.getReciprocateQrCodeCallbacks();
      if (scanned === null || this.scanned !== undefined) return;
      this.scanned = scanned;
      this.state.set({ step: "scanned" });
    };
    verifier.on(VerifierEvent.ShowReciprocateQr, look);
    (verifier as unknown as { on(event: string, listener: () => void): void }).on("change", look);
    look();
  }

  private async finish(verifier: Verifier): Promise<void> {
    try {
      await verifier.verify();
    } catch (error) {
      // A cancellation arrives as a phase as well, with its reason.
      if (this.request.pending) {
        console.warn("the verification has failed", error);
        await this.request.cancel().catch(() => undefined);
      }
    }
  }

  private show(): void {
    const emoji = this.sas?.sas.emoji?.map(([symbol]) => symbol) ?? [];
    if (emoji.length > 0) this.state.set({ step: "compare", emoji, confirmed: this.confirmed });
  }

  private whyCancelled(): Extract<VerificationState, { step: "cancelled" }>["why"] {
    const { cancellationCode, cancellingUserId, isSelfVerification } = this.request;
    if (this.mismatched || cancellationCode === "m.mismatched_sas" || cancellationCode === "m.key_mismatch")
      return "mismatch";
    if (cancellationCode === "m.timeout") return "timeout";
    if (cancellationCode === "m.accepted") return "elsewhere";
    const byMe = !isSelfVerification && cancellingUserId !== this.request.otherUserId;
    return byMe ? "me" : "them";
  }

  private stop(): void {
    this.request.off(VerificationRequestEvent.Change, this.follow);
  }
}
