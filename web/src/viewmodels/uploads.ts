/** Files on their way to the server, one after the other, each of which can be stopped. */
import { Observable } from "../lib/observable.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { Picture, Sending } from "../matrix/sending.ts";

export interface Upload {
  id: number;
  name: string;
  size: number;
  /** A picture to look at while it is uploaded. */
  preview?: string;
  /** 0 to 1. */
  progress: number;
  problem?: Problem;
}

interface Job {
  file: File;
  abort: AbortController;
}

export class Uploads {
  readonly list = new Observable<readonly Upload[]>([]);
  private readonly jobs = new Map<number, Job>();
  private queue: Promise<void> = Promise.resolve();
  private nextId = 1;

  constructor(private readonly sending: Sending) {}

  add(files: readonly File[]): void {
    for (const file of files) {
      const id = this.nextId++;
      const preview = isPicture(file) ? URL.createObjectURL(file) : undefined;
      this.jobs.set(id, { file, abort: new AbortController() });
      this.list.set([...this.list.get(), { id, name: file.name, size: file.size, preview, progress: 0 }]);
      this.enqueue(id);
    }
  }

  retry(id: number): void {
    this.patch(id, { problem: undefined, progress: 0 });
    this.enqueue(id);
  }

  /** Stops an upload, or puts a failed one away. */
  cancel(id: number): void {
    this.jobs.get(id)?.abort.abort();
    this.remove(id);
  }

  private enqueue(id: number): void {
    this.queue = this.queue.then(() => this.run(id));
  }

  private async run(id: number): Promise<void> {
    const job = this.jobs.get(id);
    if (job === undefined) return;
    try {
      const picture = isPicture(job.file) ? await measure(job.file) : undefined;
      await this.sending.file(job.file, picture, (progress) => this.patch(id, { progress }), job.abort.signal);
      this.remove(id);
    } catch (error) {
      if (!job.abort.signal.aborted) this.patch(id, { problem: problemOf(error) });
    }
  }

  private patch(id: number, change: Partial<Upload>): void {
    this.list.set(this.list.get().map((upload) => (upload.id === id ? { ...upload, ...change } : upload)));
  }

  private remove(id: number): void {
    const upload = this.list.get().find((candidate) => candidate.id === id);
    if (upload?.preview !== undefined) URL.revokeObjectURL(upload.preview);
    this.jobs.delete(id);
    this.list.set(this.list.get().filter((candidate) => candidate.id !== id));
  }
}

/** Kinds that every browser can show. */
function isPicture(file: File): boolean {
  return /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/.test(file.type);
}

/** The size in pixels; nothing for what claims to be a picture and is not, which then goes as a file. */
async function measure(file: File): Promise<Picture | undefined> {
  try {
    const bitmap = await createImageBitmap(file);
    const picture = { width: bitmap.width, height: bitmap.height };
    bitmap.close();
    return picture;
  } catch {
    return undefined;
  }
}
