import { fakePickerCluster } from "../support/kube/picker-cluster.ts";
import { pickerSuite } from "../support/kube/picker-suite.ts";

// The same suite runs against a real API server: `npm run test:kube`.
pickerSuite("fake API server", fakePickerCluster);
