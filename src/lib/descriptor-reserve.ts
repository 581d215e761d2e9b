import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import type { Clock } from "./clock.ts";

/** What to do without when there are no file descriptors left. */
export interface DescriptorOwner {
  /** Hardly one is left: let go of those that are needed least. Returns how many that were. */
  exhausted(): number;
  /** There are as many again as were let go, and the reserve besides. */
  relieved(): void;
}

/** How descriptors are had; a test passes its own. */
export interface DescriptorSource {
  /** A descriptor; throws an error with a `code` when there is none. */
  open(): number;
  close(descriptor: number): void;
}

const nothing: DescriptorSource = { open: () => openSync(devNull, "r"), close: closeSync };

/** Descriptors held back: connections that can still be taken while the owner lets go of others. */
const reserved = 16;
/** With fewer free ones than these the others count as taken: files that are read meanwhile take some for a moment. */
const spare = 4;
/** Time between two looks. */
const lookMs = 250;

/**
 * Holds back file descriptors and gives them up when the process or the system has no other left (reliability F71). The
 * system closes connections that it has no descriptor for, so somebody has to see that the last ones are taken: `look` after
 * each connection, and a look every 250 ms for those that others take.
 */
export class DescriptorReserve {
  readonly #clock: Clock;
  readonly #owner: DescriptorOwner;
  readonly #source: DescriptorSource;
  #held: number[] = [];
  /** Descriptors that must be free before there are enough again. */
  #wanted = reserved + spare;
  #cancel: () => void = () => {};

  /** Throws when descriptors cannot be had for another reason than that there are none. */
  constructor(clock: Clock, owner: DescriptorOwner, source: DescriptorSource = nothing) {
    this.#clock = clock;
    this.#owner = owner;
    this.#source = source;
    this.#held = this.#open(reserved);
    if (this.#held.length === 0) this.#giveUp();
    this.#schedule();
  }

  /** Gives the reserve up when it is nearly all that is left. */
  look(): void {
    if (this.#held.length === 0) return;
    const opened = this.#open(spare);
    for (const descriptor of opened) this.#source.close(descriptor);
    if (opened.length === 0) this.#giveUp();
  }

  /** Stops looking and frees the reserve. */
  close(): void {
    this.#cancel();
    this.#release();
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(lookMs, () => {
      if (this.#held.length > 0) this.look();
      else this.#takeBack();
      this.#schedule();
    });
  }

  #giveUp(): void {
    this.#release();
    this.#wanted = reserved + spare + this.#owner.exhausted();
  }

  #takeBack(): void {
    const opened = this.#open(this.#wanted);
    if (opened.length === 0) return;
    for (const descriptor of opened.splice(reserved)) this.#source.close(descriptor);
    this.#held = opened;
    this.#owner.relieved();
  }

  #release(): void {
    for (const descriptor of this.#held.splice(0)) this.#source.close(descriptor);
  }

  /** `count` descriptors, or none when there are fewer. */
  #open(count: number): number[] {
    const opened: number[] = [];
    try {
      while (opened.length < count) opened.push(this.#source.open());
      return opened;
    } catch (error) {
      for (const descriptor of opened) this.#source.close(descriptor);
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EMFILE" || code === "ENFILE") return [];
      throw new Error(`Cannot reserve file descriptors: ${message}`, { cause: error });
    }
  }
}
