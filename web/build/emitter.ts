/** What the SDK's classes have in place of the `events` package: Node's `EventEmitter`, without the events about listeners. */

type Name = string | symbol;
type Listener = ((...args: unknown[]) => unknown) & { listener?: Listener };

export class EventEmitter {
  private byName?: Map<Name, Listener[]>;

  on(name: Name, listener: Listener): this {
    return this.add(name, (others) => others.push(listener));
  }

  addListener(name: Name, listener: Listener): this {
    return this.on(name, listener);
  }

  prependListener(name: Name, listener: Listener): this {
    return this.add(name, (others) => others.unshift(listener));
  }

  once(name: Name, listener: Listener): this {
    return this.on(name, this.leaving(name, listener));
  }

  prependOnceListener(name: Name, listener: Listener): this {
    return this.prependListener(name, this.leaving(name, listener));
  }

  off(name: Name, listener: Listener): this {
    const listeners = this.of(name);
    const index = listeners.findLastIndex((one) => one === listener || one.listener === listener);
    if (index >= 0) listeners.splice(index, 1);
    if (listeners.length === 0) this.byName?.delete(name);
    return this;
  }

  removeListener(name: Name, listener: Listener): this {
    return this.off(name, listener);
  }

  removeAllListeners(name?: Name): this {
    if (name === undefined) this.byName = undefined;
    else this.byName?.delete(name);
    return this;
  }

  /** Calls those who listen now, whoever comes or goes meanwhile. */
  emit(name: Name, ...args: unknown[]): boolean {
    const listeners = this.listeners(name, true);
    if (listeners.length === 0 && name === "error") throw args[0];
    for (const listener of listeners) listener.apply(this, args);
    return listeners.length > 0;
  }

  listeners(name: Name, raw = false): Listener[] {
    return this.of(name).map((listener) => (raw ? listener : (listener.listener ?? listener)));
  }

  rawListeners(name: Name): Listener[] {
    return this.listeners(name, true);
  }

  listenerCount(name: Name): number {
    return this.of(name).length;
  }

  eventNames(): Name[] {
    return [...(this.byName?.keys() ?? [])];
  }

  /** There is no number of listeners that is warned of. */
  setMaxListeners(): this {
    return this;
  }

  private of(name: Name): Listener[] {
    return this.byName?.get(name) ?? [];
  }

  private add(name: Name, put: (listeners: Listener[]) => void): this {
    const listeners = this.of(name);
    put(listeners);
    this.byName ??= new Map();
    this.byName.set(name, listeners);
    return this;
  }

  private leaving(name: Name, listener: Listener): Listener {
    const once: Listener = (...args) => {
      this.off(name, once);
      return listener.apply(this, args);
    };
    once.listener = listener;
    return once;
  }
}
