import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TestCertificate } from "./certificates.ts";

/** A folder with a certificate as Kubernetes mounts a Secret: `tls.crt` and `tls.key` point through the link `..data`. */
export interface MountedSecret {
  readonly folder: string;
  /** Replaces both files at once. A part that is undefined is not there. */
  replace(pair: Partial<TestCertificate>): Promise<void>;
}

/** Mounts `pair`; gone with the test. */
export async function aMountedSecret(t: TestContext, pair: TestCertificate): Promise<MountedSecret> {
  const folder = mkdtempSync(join(tmpdir(), "epp-cert-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let version = 0;
  const replace: MountedSecret["replace"] = async ({ cert, key }) => {
    const data = `..version-${version++}`;
    await mkdir(join(folder, data));
    if (cert !== undefined) writeFileSync(join(folder, data, "tls.crt"), cert);
    if (key !== undefined) writeFileSync(join(folder, data, "tls.key"), key);
    symlinkSync(data, join(folder, "..data-new"));
    renameSync(join(folder, "..data-new"), join(folder, "..data"));
  };
  await replace(pair);
  for (const name of ["tls.crt", "tls.key"]) symlinkSync(join("..data", name), join(folder, name));
  return { folder, replace };
}
