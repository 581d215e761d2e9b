import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Json } from "../../src/envoy/clusters.ts";
import { aGateway, aGatewayTo, type PoolGateway } from "../support/a-gateway.ts";
import { startTestPicker } from "../support/a-picker.ts";
import { anEcho, exchangeRaw, type Seen, valuesOf } from "../support/an-echo.ts";
import { anEnvoy } from "../support/an-envoy.ts";
import { createAuthority, type TestAuthority } from "../support/certificates.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";
import { type FakeModelServer, renderPage, sendPage, startFakeModelServer } from "../support/fake-model-server.ts";
import { aMountedSecret } from "../support/mounted-secret.ts";

interface Bootstrap {
  static_resources: {
    listeners: { filter_chains: { filters: { typed_config: { http_filters: object[] } }[] }[] }[];
    clusters: { name: string; transport_socket?: { typed_config: { common_tls_context: object } } }[];
  };
}

/** A copy of the bootstrap that `change` has changed. */
const adapted =
  (change: (bootstrap: Bootstrap) => void) =>
  (bootstrap: Json): Json => {
    const copy = structuredClone(bootstrap) as unknown as Bootstrap;
    change(copy);
    return copy as unknown as Json;
  };

/** Three servers, the last one the least loaded, each answering with its address. */
async function aPool(t: TestContext): Promise<FakeModelServer[]> {
  const servers = [];
  for (const waiting of [9, 5, 1]) {
    const server = await startFakeModelServer(t);
    server.answerWith((request, response) => {
      if (request.url === "/metrics") sendPage(response, renderPage({ waiting, running: 0, kvCacheRatio: 0 }));
      else request.resume().on("end", () => response.end(server.address));
    });
    servers.push(server);
  }
  return servers;
}

/** A gateway that takes the subset from headers: as text, as a number, or as any value in base64. */
const hintFromHeaders = adapted((bootstrap) => {
  const rule = (header: string, more: object): object => ({
    header,
    on_header_present: {
      metadata_namespace: "envoy.lb.subset_hint",
      key: "x-gateway-destination-endpoint-subset",
      ...more,
    },
    remove: true,
  });
  const manager = bootstrap.static_resources.listeners[0]?.filter_chains[0]?.filters[0]?.typed_config;
  manager?.http_filters.unshift({
    name: "envoy.filters.http.header_to_metadata",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
      request_rules: [
        rule("x-subset", { type: "STRING" }),
        rule("x-subset-number", { type: "NUMBER" }),
        rule("x-subset-value", { type: "PROTOBUF_VALUE", encode: "BASE64" }),
      ],
    },
  });
});

const field = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.of(number * 8 + 2, bytes.length), bytes]);
/** A google.protobuf.Value that is a list of strings, in base64. */
const listValue = (items: readonly string[]): string =>
  field(6, Buffer.concat(items.map((item) => field(1, field(3, Buffer.from(item)))))).toString("base64");

test("T02 A9 A11 A12 a subset that the gateway names holds, in every shape, and nobody else is picked", {
  skip,
}, async (t) => {
  const servers = await aPool(t);
  const config = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins: [{ type: queue-scorer }]\n";
  const gateway = await aGatewayTo(t, servers, { adapt: hintFromHeaders, config });
  const [first = "", second = "", third = ""] = servers.map(({ address }) => address);
  const cases: readonly (readonly [headers: Record<string, string>, want: string | number])[] = [
    [{}, third],
    [{ "x-subset": first }, first],
    [{ "x-subset": `${first}, ${second}` }, second],
    [{ "x-subset": "127.0.0.1" }, third],
    [{ "x-subset": "10.0.0.1:8000" }, 503],
    [{ "x-subset": `http://${first}` }, 503],
    [{ "x-subset-number": "127" }, 503],
    [{ "x-subset-value": listValue([first, second]) }, second],
    [{ "x-subset-value": listValue([]) }, 503],
    [{ "x-subset-value": listValue(["10.0.0.1:8000"]) }, 503],
    [{ "x-gateway-destination-endpoint-subset": first }, third],
  ];
  for (const [headers, want] of cases) {
    for (const method of ["POST", "GET"]) {
      const body = method === "POST" ? { body: completion("base") } : {};
      const answer = await fetch(`${gateway.url}/v1/completions`, { method, headers, ...body });
      const text = await answer.text();
      const what = `${method} ${JSON.stringify(headers)}: ${answer.status} ${text}`;
      // A GET goes to any of the allowed.
      if (typeof want === "number") assert.equal(answer.status, want, what);
      else if (method === "POST" || headers["x-subset"] === first) assert.equal(text, want, what);
      else assert.equal(answer.status, 200, what);
      if (want === 503)
        assert.equal(answer.headers.get("x-llm-d-request-dropped-reason"), "rejected-no-endpoints", what);
    }
  }
  await gateway.quiet();
});

test("T01 whatever a client writes about the destination, only the picker's reaches the server, once", {
  skip,
}, async (t) => {
  const { seen, listener } = anEcho();
  const gateway = await aGateway(t, listener);
  const canary = anEcho();
  const other = await startFakeModelServer(t);
  other.answerWith(canary.listener);
  const name = "X-Gateway-Destination-Endpoint";
  const attacks: readonly string[] = [
    `${name}: ${other.address}\r\n`,
    `${name.toLowerCase()}: ${other.address}\r\n${name}: ${other.address}\r\n`,
    `${name}: ${other.address},${other.address}\r\n`,
    `${name}: [::1]:${other.port}\r\n`,
    `${name}: ${gateway.server.address}\r\n${name}: ${other.address}\r\n`,
    `${name}:\r\n`,
    `${name}-Subset: ${other.address}\r\n${name}-Served: ${other.address}\r\n`,
    `x-prefiller-host-port: ${other.address}\r\nX-Encoder-Hosts-Ports: ${other.address}\r\nx-data-parallel-host-port: ${other.address}\r\nx-kv-cache-source-host-port: ${other.address}\r\n`,
    `x-envoy-original-dst-host: ${other.address}\r\n`,
    "test-epp-endpoint-selection: 10.0.0.1\r\n",
  ];
  const body = completion("base");
  for (const attack of attacks) {
    for (const head of [
      `POST /v1/completions HTTP/1.1\r\nhost: a\r\n${attack}content-length: ${body.length}\r\n\r\n${body}`,
      `GET /v1/models HTTP/1.1\r\nhost: a\r\n${attack}\r\n`,
    ]) {
      assert.match(await exchangeRaw(gateway.port, head), /^HTTP\/1.1 200/, attack);
      const last = seen.at(-1) as Seen;
      assert.deepEqual(valuesOf(last, "x-gateway-destination-endpoint"), [gateway.server.address], attack);
      const text = last.rawHeaders.join("\n").toLowerCase();
      for (const removed of ["-subset", "-served", "-hosts-ports", "-host-port", "test-epp"])
        assert.ok(!text.includes(removed), `${attack}: ${removed}`);
    }
  }
  assert.deepEqual(canary.seen, []);
  await gateway.quiet();
});

/** Envoy verifies the picker's certificate against `authority`, and that it is for `address`. */
const verifying = (authority: TestAuthority, address: string): ((bootstrap: Json) => Json) =>
  adapted((bootstrap) => {
    const picker = bootstrap.static_resources.clusters.find(({ name }) => name === "endpoint-picker");
    const context = picker?.transport_socket?.typed_config.common_tls_context;
    assert.ok(context);
    Object.assign(context, {
      validation_context: {
        trusted_ca: { inline_string: authority.cert },
        match_typed_subject_alt_names: [{ san_type: "IP_ADDRESS", matcher: { exact: address } }],
      },
    });
  });

async function ask({ url }: PoolGateway): Promise<number> {
  const answer = await fetch(`${url}/v1/completions`, { method: "POST", body: completion("base") });
  await answer.arrayBuffer();
  return answer.status;
}

test("T41 F66 F67 a gateway that verifies the picker's certificate loses no request while it is rotated, well or badly", {
  skip,
}, async (t) => {
  const authority = await createAuthority();
  const secret = await aMountedSecret(t, await authority.issue({ commonName: "first" }));
  const { listener } = anEcho();
  const tls = { secureServing: true, certPath: secret.folder, reloadCertificate: true };
  const gateway = await aGateway(t, listener, { ...tls, adapt: verifying(authority, "127.0.0.1") });
  const reloads = (outcome: string): Promise<number | undefined> =>
    gateway.picker.sample(`epp_certificate_reloads_total{outcome="${outcome}"}`);
  /** Asks until the reload is counted; every request must be served. */
  const serveUntil = async (outcome: string, count: number): Promise<void> => {
    for (let attempt = 0; attempt < 400; attempt++) {
      assert.equal(await ask(gateway), 200);
      if (((await reloads(outcome)) ?? 0) >= count) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.fail(`no reload ${outcome}`);
  };
  const next = await authority.issue({ commonName: "second" });
  await secret.replace(next);
  await serveUntil("ok", 1);
  await secret.replace({ cert: next.cert, key: (await authority.issue()).key });
  await serveUntil("rejected", 1);
  await secret.replace(await authority.issue({ commonName: "old", notAfter: new Date(Date.now() - 1000) }));
  await serveUntil("rejected", 2);
  await secret.replace({});
  await serveUntil("rejected", 3);
  await secret.replace(await authority.issue({ commonName: "third" }));
  await serveUntil("ok", 2);
  await gateway.quiet();
});

for (const what of ["another authority", "another address", "no authority"] as const) {
  test(`T41 a gateway does not speak to a picker whose certificate is of ${what}, and no server is asked`, {
    skip,
  }, async (t) => {
    const trusted = await createAuthority();
    const issuer = what === "another authority" ? await createAuthority() : trusted;
    const ip = what === "another address" ? "127.0.0.2" : "127.0.0.1";
    const secret = await aMountedSecret(t, await issuer.issue({ ip }));
    const server = await startFakeModelServer(t);
    const certPath = what === "no authority" ? {} : { certPath: secret.folder };
    const { picker } = await startTestPicker(t, [server], { secureServing: true, ...certPath });
    let asked = 0;
    server.answerWith((request, response) => {
      if (request.url !== "/metrics") asked++;
      sendPage(response, renderPage({ waiting: 0, running: 0, kvCacheRatio: 0 }));
    });
    const address = { host: "127.0.0.1", port: picker.grpcPort, healthPort: picker.grpcHealthPort, isSecure: true };
    const routing = { kind: "picker", host: "original-dst", pickers: [address], failOpen: false } as const;
    const envoy = await anEnvoy(t, routing, [], verifying(trusted, "127.0.0.1"));
    await untilHealthy(envoy.admin);
    const answer = await fetch(`http://127.0.0.1:${envoy.listener.port}/v1/completions`, {
      method: "POST",
      body: completion("base"),
    });
    await answer.arrayBuffer();
    assert.ok(answer.status >= 500, `status ${answer.status}`);
    assert.equal(asked, 0);
    const clusters = await (
      await fetch(`http://127.0.0.1:${envoy.admin.port}/stats?filter=endpoint-picker.ssl`)
    ).text();
    assert.match(clusters, /(fail_verify_error|fail_verify_san): [1-9]/);
  });
}

/** Waits until Envoy has found the picker healthy, by its health port, which has no TLS. */
async function untilHealthy({ port }: { readonly port: number }): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const page = await (await fetch(`http://127.0.0.1:${port}/clusters`)).text();
    if (/^endpoint-picker::.*::health_flags::healthy$/m.test(page)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Envoy does not find the picker healthy");
}
