import type { PoolState } from "../discovery/kubernetes/cluster-pool.ts";
import type { Health } from "../extproc/health.ts";
import { parsersRead } from "../request/apis.ts";

/** Tells a picker's health what discovery, scraping and the config say together (protocol 7.2). */
export class Readiness {
  readonly #health: Health;
  #pool: PoolState = { isSynced: false, appProtocol: undefined };
  #parsers: readonly string[];
  #isOpen = false;

  /** `parsers` are the types of the config's parsers. */
  constructor(health: Health, parsers: readonly string[]) {
    this.#health = health;
    this.#parsers = parsers;
  }

  /** Takes over what is known of the pool. */
  setPool(pool: PoolState): void {
    this.#pool = pool;
    this.#tell();
  }

  /** Takes over another config's parsers. */
  setParsers(parsers: readonly string[]): void {
    this.#parsers = parsers;
    this.#tell();
  }

  /** Endpoints were scraped and the ports are open: from now on the pool decides. */
  open(): void {
    this.#isOpen = true;
    this.#tell();
  }

  #tell(): void {
    const { isSynced, appProtocol } = this.#pool;
    const protocolMatches = parsersRead(appProtocol, this.#parsers);
    this.#health.change({ isSynced: isSynced && this.#isOpen, protocolMatches });
  }
}
