/**
 * Runs `step` should this process exit, for whatever reason but SIGKILL, before the returned function is called. The
 * step cannot wait.
 */
export function onExit(step: () => void): () => void {
  process.once("exit", step);
  return () => void process.removeListener("exit", step);
}
