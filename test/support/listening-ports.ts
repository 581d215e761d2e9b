import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A socket that takes connections. */
export interface ListeningSocket {
  readonly port: number;
  /** It is bound to 127.0.0.1 or ::1. */
  readonly isLoopback: boolean;
}

/** The TCP sockets that a process listens on, by its file descriptors (Linux). */
export function listeningSockets(pid: number): readonly ListeningSocket[] {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => inodeOf(`/proc/${pid}/fd/${fd}`)));
  return ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === listening && inodes.has(inode))
      .map(([, address = ""]) => {
        const [host = "", port = ""] = address.split(":");
        return { port: Number.parseInt(port, 16), isLoopback: loopback.has(host) };
      }),
  );
}

const listening = "0A";
/** As the kernel prints them: words in the machine's order of bytes. */
const loopback = new Set(["0100007F", "00000000000000000000000001000000"]);

function inodeOf(path: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
  } catch {
    // Closed since the folder was read.
    return undefined;
  }
}
