/** Files of a conversation on their way to the server. They live in the outbox: leaving the conversation does not stop them. */
import { Observable, type Readable } from "../lib/observable.ts";
import { ALBUM, captionContent, type FileExtra, voiceContent } from "../matrix/content.ts";
import type { Problem } from "../matrix/errors.ts";
import { isUploaded, type OutboxItem, threadOf } from "../matrix/outbox/item.ts";
import type { Sending } from "../matrix/sending.ts";

export interface Upload {
  id: string;
  name: string;
  size: number;
  /** A picture to look at while it is uploaded. */
  preview?: string;
  status: "queued" | "uploading" | "waiting" | "failed";
  problem?: Problem;
}

export class Uploads {
  readonly list = new Observable<readonly Upload[]>([]);
  private readonly previews = new Map<string, string>();

  constructor(private readonly sending: Sending) {}

  /** Follows the outbox until the returned function is called. */
  watch(): () => void {
    const update = () => this.update();
    const stop = this.sending.items.subscribe(update);
    update();
    return () => {
      stop();
      this.list.set([]);
      for (const url of this.previews.values()) URL.revokeObjectURL(url);
      this.previews.clear();
    };
  }

  /** `extras` are added to what is sent of the file at the same place. */
  add(files: readonly File[], extras: readonly (FileExtra | undefined)[] = []): void {
    for (const [index, file] of files.entries()) this.sending.file(file, file.name, extras[index]);
  }

  addWithCaptions(files: readonly File[], captions: readonly string[]): void {
    const seen = files.filter(({ type }) => /^(?:image|video)\//.test(type));
    const album = seen.length > 1 ? { [ALBUM]: crypto.randomUUID() } : {};
    this.add(
      files,
      files.map((file, index) => ({
        ...captionContent(file.name, captions[index] ?? ""),
        ...(seen.includes(file) ? album : {}),
      })),
    );
  }

  /** `duration` in milliseconds, `waveform` from 0 to 1024. */
  addVoice(file: File, duration: number, waveform: readonly number[]): void {
    this.add([file], [voiceContent(duration, waveform, file)]);
  }

  /** 0 to 1. */
  progress(id: string): Readable<number> {
    return this.sending.progress(id);
  }

  retry(id: string): void {
    this.sending.retry(id);
  }

  /** Stops an upload, or puts a failed one away. */
  cancel(id: string): void {
    this.sending.discard(id);
  }

  private update(): void {
    const { items: all, threadId } = this.sending;
    const items = all.get().filter((item) => !isUploaded(item) && threadOf(item.action) === threadId);
    for (const [id, url] of this.previews) {
      if (items.some(({ txnId }) => txnId === id)) continue;
      URL.revokeObjectURL(url);
      this.previews.delete(id);
    }
    this.list.set(items.map((item) => this.describe(item)));
  }

  private describe(item: OutboxItem): Upload {
    const [file] = item.attachments;
    const { txnId: id, problem } = item;
    return {
      id,
      name: file?.name ?? "",
      size: file?.blob.size ?? 0,
      preview: file === undefined ? undefined : this.previewOf(id, file.blob),
      status: statusOf(item),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  private previewOf(id: string, blob: Blob): string | undefined {
    if (!/^image\/(?:png|jpeg|gif|webp|avif|bmp)$/.test(blob.type)) return undefined;
    let url = this.previews.get(id);
    if (url === undefined) {
      url = URL.createObjectURL(blob);
      this.previews.set(id, url);
    }
    return url;
  }
}

function statusOf({ state }: OutboxItem): Upload["status"] {
  switch (state) {
    case "refused":
      return "failed";
    case "waiting":
      return "waiting";
    case "uploading":
      return "uploading";
    default:
      return "queued";
  }
}
