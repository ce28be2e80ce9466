import { Observable } from "./observable.ts";

/** A bounded map whose oldest entries make room, and that tells when it has changed. */
export class ObservableCache<T> {
  /** Counts the changes. */
  readonly version = new Observable(0);
  private readonly map = new Map<string, T>();

  constructor(private readonly limit: number) {}

  get(key: string): T | undefined {
    return this.map.get(key);
  }

  set(key: string, value: T): void {
    this.map.delete(key);
    this.map.set(key, value);
    const oldest = this.map.keys().next();
    if (this.map.size > this.limit && oldest.done !== true) this.map.delete(oldest.value);
    this.version.set(this.version.get() + 1);
  }
}
