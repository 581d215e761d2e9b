import { isIP } from "node:net";

/**
 * An IP address in the one form that it has in this program: IPv4 as it is, IPv6 in its shortest form, without brackets and
 * zone. Undefined for anything else.
 */
export function normalizeIp(text: string): string | undefined {
  const version = isIP(text);
  if (version === 4) return text;
  if (version !== 6 || text.includes("%")) return undefined;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}
