import { lookup } from "node:dns/promises";

/** Resolves a host name to IP addresses, best first; rejects when there is none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Resolves as the system does: hosts file, then DNS. */
export const systemResolve: Resolve = async (host) => {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
};

/** The addresses of the host names in use. A name keeps its address as long as the resolver still lists it. */
export class HostResolver {
  readonly #resolve: Resolve;
  readonly #onFailure: (host: string, message: string) => void;
  readonly #addresses = new Map<string, string>();

  /** `onFailure` is told of every attempt that failed; the last address of the name stays in use. */
  constructor(resolve: Resolve, onFailure: (host: string, message: string) => void) {
    this.#resolve = resolve;
    this.#onFailure = onFailure;
  }

  /** The address of a host; undefined while it was never resolved. */
  addressOf(host: string): string | undefined {
    return this.#addresses.get(host);
  }

  /** Resolves all `hosts` again, at the same time. Never rejects. */
  async refresh(hosts: readonly string[]): Promise<void> {
    await Promise.all(hosts.map((host) => this.#refreshOne(host)));
  }

  /** Forgets the addresses of all hosts but `hosts`. */
  keep(hosts: readonly string[]): void {
    for (const host of this.#addresses.keys()) if (!hosts.includes(host)) this.#addresses.delete(host);
  }

  async #refreshOne(host: string): Promise<void> {
    try {
      const found = await this.#resolve(host);
      const [first] = found;
      if (first === undefined) throw new Error("no address");
      const present = this.#addresses.get(host);
      if (present === undefined || !found.includes(present)) this.#addresses.set(host, first);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#onFailure(host, `Cannot resolve "${host}": ${reason}`);
    }
  }
}
