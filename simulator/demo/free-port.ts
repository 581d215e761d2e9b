import { createServer } from "node:net";

/** `port` when nobody listens there on loopback, else 0, which stands for any free one. */
export function preferPort(port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(0));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(port)));
  });
}
