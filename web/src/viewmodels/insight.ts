/** Loads the conversations whose rows are on the screen, once it has come to rest: they are opened next, if any are. */

/** After the last change, in milliseconds. */
const REST_MS = 400;
/** More than this in one session is somebody who reads the list, not the conversations. */
const LIMIT = 200;

export class InSight {
  private readonly ids = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private loaded = 0;

  constructor(private readonly load: (roomIds: readonly string[]) => Promise<void>) {}

  /** The row of a conversation that is not loaded has come up; returns what to call when it is gone. */
  readonly add = (roomId: string): (() => void) => {
    this.ids.add(roomId);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.atRest(), REST_MS);
    return () => this.ids.delete(roomId);
  };

  private atRest(): void {
    const wanted = [...this.ids].slice(0, LIMIT - this.loaded);
    this.loaded += wanted.length;
    if (wanted.length > 0) void this.load(wanted);
  }
}
