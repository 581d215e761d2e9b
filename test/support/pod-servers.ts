import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type FakeLoad, renderPage, sendPage } from "./fake-model-server.ts";

/** Model servers on one port of several loopback addresses, as the pods of a pool are. */
export interface PodServers {
  readonly port: number;
  /** Requests that one address has seen, or all of them. */
  requests(ip?: string): number;
  /** Connections that are open now. */
  connections(): number;
  /** What the metrics page of an address says from now on. */
  setLoad(ip: string, load: Partial<FakeLoad>): void;
  /** Answers everything but metrics pages. */
  answerWith(listener: RequestListener): void;
  /** Listens on one more address. */
  add(ip: string): Promise<void>;
}

/** Starts servers that end with the test. */
export async function startPodServers(
  t: { after(callback: () => void): void },
  ips: readonly string[],
): Promise<PodServers> {
  const seen = new Map<string, number>();
  const loads = new Map<string, FakeLoad>();
  let [port, open] = [0, 0];
  let others: RequestListener = (_, response) => void response.writeHead(404).end();
  const add = async (ip: string): Promise<void> => {
    const server = createServer((request, response) => {
      seen.set(ip, (seen.get(ip) ?? 0) + 1);
      const load = loads.get(ip) ?? { waiting: 0, running: 0, kvCacheRatio: 0 };
      if (request.url === "/metrics") sendPage(response, renderPage(load));
      else others(request, response);
    });
    server.on("connection", (socket) => {
      open++;
      socket.on("close", () => open--).on("error", () => {});
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    server.listen(port, ip);
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  };
  for (const ip of ips) await add(ip);
  return {
    get port() {
      return port;
    },
    requests: (ip) =>
      ip === undefined ? [...seen.values()].reduce((sum, count) => sum + count, 0) : (seen.get(ip) ?? 0),
    connections: () => open,
    setLoad: (ip, load) => loads.set(ip, { waiting: 0, running: 0, kvCacheRatio: 0, ...loads.get(ip), ...load }),
    answerWith: (listener) => {
      others = listener;
    },
    add,
  };
}
