/** Waits for what sockets or other processes bring about; fails after `withinMs`, default 5 s, naming `what`. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadlineMs) throw new Error(`no ${what} within ${withinMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
