/** What has to be undone, in reverse order of being done. */
export class Cleanup {
  readonly #steps: (() => Promise<void> | void)[] = [];

  /** Adds a step that `run` will take before those added earlier. */
  defer(step: () => Promise<void> | void): void {
    this.#steps.push(step);
  }

  /** Takes every step once, also when one fails; rejects with the first failure when all are taken. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
