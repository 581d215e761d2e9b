const dnsLabel = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const namePattern = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefixPattern = new RegExp(`^${dnsLabel}(?:\\.${dnsLabel})*$`);

/** Whether a text may be the key of a label: a name of 1 to 63 characters, with a DNS prefix and a slash before it or without. */
export function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0) return namePattern.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= 253 && prefixPattern.test(prefix) && namePattern.test(key.slice(slash + 1));
}

/** Whether a text may be the value of a label: empty, or 1 to 63 characters as in a name. */
export function isLabelValue(value: string): boolean {
  return value === "" || namePattern.test(value);
}
