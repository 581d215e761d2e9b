/** Ends a switch over a closed union; reached only when a caller broke the types. */
export function assertNever(value: never): never {
  throw new TypeError(`Cannot handle ${JSON.stringify(value)}: no case covers it`);
}
