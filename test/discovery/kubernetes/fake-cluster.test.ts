import { clusterSuite } from "../../support/kube/cluster-suite.ts";
import { fakeCluster } from "../../support/kube/suite-cluster.ts";

// The same suite runs against a real API server: `npm run test:kube`.
clusterSuite("fake API server", fakeCluster);
