/** Counts by name, in the order of their first mention. */
export class Counts {
  readonly byName = new Map<string, number>();

  add(name: string, count = 1): void {
    this.byName.set(name, (this.byName.get(name) ?? 0) + count);
  }
}
