/** The moving pictures that this account keeps, to send them again. */
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { type AboutGif, type Gif, MOST_GIFS, readGif } from "../lib/gifs.ts";
import { Derived } from "../lib/observable.ts";
import { Synced } from "./synced.ts";

/** The type of the account data. The content is documented in `web/README.md`. */
const TYPE = "im2.saved_gifs";

export class Gifs {
  /** The last used first. */
  readonly list: Derived<readonly Gif[]>;
  private readonly synced: Synced<AboutGif>;

  constructor(client: MatrixClient) {
    this.synced = new Synced(client, { type: TYPE, read: readGif });
    this.list = new Derived<readonly Gif[]>(
      () => this.read(),
      (changed) => this.synced.entries.subscribe(changed),
    );
  }

  start(): void {
    this.synced.start();
  }

  has(mxc: string): boolean {
    return this.synced.get(mxc) !== undefined;
  }

  /** The ones that were not used for the longest time make room. */
  async save({ mxc, ...about }: Gif): Promise<void> {
    const others = this.all().filter((gif) => gif.mxc !== mxc);
    const gone = others.slice(MOST_GIFS - 1).map((gif) => [gif.mxc, undefined]);
    await this.synced.set({ ...Object.fromEntries(gone), [mxc]: about });
  }

  async remove(mxc: string): Promise<void> {
    await this.synced.set({ [mxc]: undefined });
  }

  /** It comes first from now on. */
  used({ mxc }: Gif): void {
    const [first] = this.all();
    if (first?.mxc !== mxc && this.has(mxc)) this.synced.keep(mxc, this.synced.get(mxc));
  }

  private read(): readonly Gif[] {
    return this.all().slice(0, MOST_GIFS);
  }

  /** Another client may have left more than there should be. */
  private all(): Gif[] {
    return Object.entries(this.synced.entries.get())
      .sort(([, a], [, b]) => b.at - a.at)
      .flatMap(([mxc, { value }]) => (value === undefined ? [] : [{ mxc, ...value }]));
  }
}
