import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { clusterSuite } from "../support/kube/cluster-suite.ts";
import { ControlPlane } from "../support/kube/control-plane.ts";
import { realPickerCluster } from "../support/kube/picker-cluster.ts";
import { pickerSuite } from "../support/kube/picker-suite.ts";
import { rightsSuite } from "../support/kube/rights-suite.ts";
import { realCluster } from "../support/kube/real-cluster.ts";

const binaries = process.env["KUBEBUILDER_ASSETS"] ?? "";
const missing = ["etcd", "kube-apiserver"].filter((name) => !existsSync(join(binaries, name)));

if (binaries === "" || missing.length > 0) {
  const why = binaries === "" ? "KUBEBUILDER_ASSETS is not set" : `no ${missing.join(" and ")} in "${binaries}"`;
  test("the suite against a real API server", { skip: `${why}: expected the folder of etcd and kube-apiserver` });
} else {
  let plane: ControlPlane | undefined;
  before(async () => {
    plane = await ControlPlane.start(binaries);
  });
  after(() => plane?.close());
  clusterSuite("real API server", (t) => realCluster(t, plane as ControlPlane));
  rightsSuite(() => plane as ControlPlane);
  pickerSuite("real API server", (t) => realPickerCluster(t, plane as ControlPlane));
}
