import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { defaultLimits } from "../../src/extproc/limits.ts";
import { nastyDocuments } from "../request/nasty-documents.ts";
import { aGateway, type Gateway, type GatewayOptions } from "../support/a-gateway.ts";
import { anEcho, exchangeRaw, type Seen, valuesOf } from "../support/an-echo.ts";
import { skipWithoutEnvoy as skip } from "../support/envoy.ts";
import { completion } from "../support/exchanges.ts";

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

interface EchoGateway extends Gateway {
  readonly seen: Seen[];
}

async function anEchoGateway(t: TestContext, options: GatewayOptions = {}): Promise<EchoGateway> {
  const { seen, listener } = anEcho();
  return { ...(await aGateway(t, listener, options)), seen };
}

interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly text: string;
}

/** Posts a body in pieces of a chunked request; `isWhole`: false leaves the request open. */
async function post(
  { port }: Pick<Gateway, "port">,
  body: Uint8Array | string,
  { path = "/v1/completions", headers = {}, isWhole = true, pieceBytes = 1 << 20 }: PostOptions = {},
): Promise<Answer> {
  const request = httpRequest({ host: "127.0.0.1", port, path, method: "POST", headers, agent: false });
  const answered = once(request, "response");
  request.on("error", () => {});
  const bytes = Buffer.from(body as string);
  for (let from = 0; from < bytes.length; from += pieceBytes) request.write(bytes.subarray(from, from + pieceBytes));
  if (isWhole) request.end();
  const [response] = (await answered) as [AsyncIterable<Buffer> & { statusCode: number; headers: NodeJS.Dict<string> }];
  let text = "";
  for await (const chunk of response) text += chunk.toString();
  request.destroy();
  return { status: response.statusCode, reason: response.headers["x-llm-d-request-dropped-reason"], text };
}

interface PostOptions {
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly isWhole?: boolean;
  readonly pieceBytes?: number;
}

/** A refusal before any server saw the request, without a byte of its content. */
function assertRefused(what: string, gateway: EchoGateway, answer: Answer, status: number, reason: string): void {
  assert.deepEqual([answer.status, answer.reason], [status, reason], what);
  assert.match(answer.text, /^inference error: [A-Za-z]+ - /, what);
  assert.doesNotMatch(answer.text, /CANARY/, what);
  assert.deepEqual(gateway.seen, [], what);
}

async function assertForwarded(
  what: string,
  gateway: EchoGateway,
  body: Uint8Array | string,
  more: PostOptions = {},
): Promise<Seen> {
  const answer = await post(gateway, body, more);
  assert.equal(answer.status, 200, `${what}: ${answer.text}`);
  const [seen] = gateway.seen.splice(0);
  assert.ok(seen);
  assert.equal(sha256(seen.body), sha256(body), what);
  return seen;
}

/** Connections that begin a chunked completion and then send a byte every 100 ms. */
async function trickle(t: TestContext, port: number, count: number): Promise<Promise<string>[]> {
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  return Array.from({ length: count }, async () => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => {});
    socket.write("POST /v1/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n");
    const timer = setInterval(() => socket.write("1\r\n \r\n"), 100);
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
      if (/\r\n\r\n[^]*inference/.test(answer)) socket.destroy();
    });
    await once(socket, "close");
    clearInterval(timer);
    return answer;
  });
}

test("F49 T05 bodies that trickle or stop are refused with 408, and others are served meanwhile", {
  skip,
}, async (t) => {
  const gateway = await anEchoGateway(t, { limits: { ...defaultLimits, bodyDeadlineMs: 1500, idleGapMs: 500 } });
  const slow = await trickle(t, gateway.port, 100);
  const stopped = post(gateway, '{"model":"base","prompt":"CANARY', { isWhole: false });
  await assertForwarded("a request beside them", gateway, completion("base"));
  assertRefused("one that stopped", gateway, await stopped, 408, "rejected-body-timeout");
  for (const answer of await Promise.all(slow)) {
    assert.match(answer, /^HTTP\/1.1 408/);
    assert.match(answer, /x-llm-d-request-dropped-reason: rejected-body-timeout/);
  }
  assert.deepEqual(gateway.seen, []);
  await gateway.quiet();
});

test("F50 a body of the cap is forwarded, one byte more is refused with 413, before its end if need be", {
  skip,
}, async (t) => {
  const cap = 100_000;
  const gateway = await anEchoGateway(t, { limits: { ...defaultLimits, bodyBytes: cap } });
  const exact = completion("base", "x".repeat(cap - completion("base", "").length));
  assert.equal(exact.length, cap);
  await assertForwarded("the cap", gateway, exact);
  await assertForwarded("the cap, raw", gateway, "y".repeat(cap), { path: "/v1/files" });
  const over = `${exact} `;
  const tooLarge = [413, "rejected-body-too-large"] as const;
  assertRefused("one more", gateway, await post(gateway, over), ...tooLarge);
  assertRefused("no end", gateway, await post(gateway, over, { isWhole: false }), ...tooLarge);
  const length = { "content-length": String(10 * cap) };
  assertRefused("announced", gateway, await post(gateway, over, { headers: length, isWhole: false }), ...tooLarge);
  assertRefused("raw", gateway, await post(gateway, over, { path: "/v1/files" }), ...tooLarge);
  await gateway.quiet();
});

test("T05 bodies that together are more than may be held are refused with 503, and the bytes come back", {
  skip,
}, async (t) => {
  const gateway = await anEchoGateway(t, { limits: { ...defaultLimits, bufferedBytes: 150_000 } });
  const held = httpRequest({ host: "127.0.0.1", port: gateway.port, path: "/v1/completions", method: "POST" });
  held.on("error", () => {});
  held.write(completion("base", "x".repeat(100_000)).slice(0, -1));
  for (
    let attempt = 0;
    ((await gateway.picker.sample("epp_buffered_bytes")) ?? 0) < 100_000 && attempt < 200;
    attempt++
  )
    await new Promise((resolve) => setTimeout(resolve, 10));
  const second = completion("base", `CANARY${"x".repeat(100_000)}`);
  assertRefused("a second", gateway, await post(gateway, second), 503, "rejected-overloaded");
  await assertForwarded("a small one", gateway, completion("base"));
  held.destroy();
  await gateway.quiet();
  await assertForwarded("the second again", gateway, second);
  await gateway.quiet();
});

const bad = '"model":"base","prompt":"CANARY"';
/** Bodies that are no completion. */
const refused: readonly (readonly [ids: string, what: string, body: Uint8Array | string])[] = [
  ["F51", "an invalid byte", Buffer.from(`{${bad},"x":"\xff"}`, "latin1")],
  ["F51", "an overlong slash", Buffer.from(`{${bad},"x":"\xc0\xaf"}`, "latin1")],
  ["F51", "a surrogate in UTF-8", Buffer.from(`{${bad},"x":"\xed\xa0\x80"}`, "latin1")],
  ["F51", "a byte order mark", `\ufeff{${bad}}`],
  ["F51", "UTF-16", Buffer.from(`\ufeff{${bad}}`, "utf16le")],
  ["F51", "a NUL behind it", `{${bad}}\0`],
  ["F51", "a NUL in a string", `{${bad},"x":"\0"}`],
  ["F51", "no end", `{${bad}`],
  ["F51", "no end of a string", `{${bad},"x":"`],
  ["F51", "null", "null"],
  ["F51", "an array", `[{${bad}}]`],
  ["F51", "a number", "7"],
  ["F51", "a string", '"CANARY"'],
  ["F51", "white space", " \r\n\t"],
  ["F51", "form data", "model=base&prompt=CANARY"],
  ["F51", "two documents", `{${bad}}{${bad}}`],
  ["F51", "a trailing comma", `{${bad},}`],
  ["F51", "NaN", `{${bad},"temperature":NaN}`],
  ["F52 T06", "depth 100,000", `{${bad},"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["F52 T06", "depth 100,000 without an end", `{${bad},"x":${'{"a":'.repeat(100_000)}`],
  ["F52 T06", "a million keys", `{${bad},${Array.from({ length: 1_000_000 }, (_, at) => `"${at}":0`).join(",")}}`],
  ["F54 T08", "the model twice", `{${bad},"model":"other"}`],
  ["F54 T08", "the model twice, equal", `{${bad},"model":"base"}`],
  ["F54 T08", "the model twice, once escaped", `{${bad},"\\u006dodel":"other"}`],
  ["F55", "no model", '{"prompt":"CANARY"}'],
  ["F55", "an empty model", '{"model":"","prompt":"CANARY"}'],
  ["F55", "a model of null", '{"model":null,"prompt":"CANARY"}'],
  ["F55", "a number for a model", '{"model":7,"prompt":"CANARY"}'],
  ["F55", "an object for a model", '{"model":{"CANARY":1},"prompt":"hi"}'],
  ["F55", "a list for a model", '{"model":["CANARY"],"prompt":"hi"}'],
  ["F55", "a model of 1 MB", `{"model":"CANARY${"m".repeat(1_000_000)}","prompt":"hi"}`],
  ["F55 T08", "a lone surrogate in the model", '{"model":"CANARY\\ud800","prompt":"hi"}'],
];
test("F51 F52 F54 F55 T06 T08 bodies that are no completion are refused with 400, whatever pieces they come in", {
  skip,
}, async (t) => {
  const gateway = await anEchoGateway(t);
  for (const [ids, what, body] of refused) {
    for (const pieceBytes of [1 << 20, ...(body.length < 200 ? [7] : [])]) {
      const answer = await post(gateway, body, { pieceBytes });
      assertRefused(`${ids} ${what}`, gateway, answer, 400, "rejected-bad-request");
    }
  }
  await gateway.quiet();
});

test("F51 paths whose bodies nobody reads take any bytes, and an empty body too", { skip }, async (t) => {
  const gateway = await anEchoGateway(t);
  const bodies: (Uint8Array | string)[] = ["", ...refused.slice(0, 18).map(([, , body]) => body)];
  for (const body of [...bodies, ...nastyDocuments.map(({ bytes }) => bytes)])
    await assertForwarded("raw", gateway, body, { path: "/v1/files" });
  await gateway.quiet();
});

const big = 10_000_000;
const forwarded: readonly (readonly [ids: string, what: string, body: string])[] = [
  ["F53", "10 MB of numbers", `{"model":"base","prompt":[${"1234567,".repeat(big / 8)}1]}`],
  ["F53", "10 MB of escapes", completion("base", '"\\\n'.repeat(big / 6))],
  ["F53", "10 MB of escaped surrogates", `{"model":"base","prompt":"${"\\ud83d\\ude00".repeat(big / 12)}"}`],
  ["F53 T06", "one number of 10 MB", `{"model":"base","prompt":"hi","x":${"9".repeat(big)}}`],
  ["F54", "stream twice", '{"model":"base","stream":true,"prompt":"hi","stream":false}'],
  ["F54", "the prompt twice", '{"model":"base","prompt":"a","prompt":"b"}'],
  [
    "F56 T07",
    "names of JavaScript's own",
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"model":"base","prompt":"hi","hasOwnProperty":1,"toString":null}',
  ],
  ["F56 T07", "a model of such a name", '{"model":"__proto__","prompt":"constructor"}'],
  [
    "F54",
    "numbers that no double holds, odd spacing, odd order",
    ' {"z" : 12345678901234567890 ,\n"prompt":"<&>\u00e9","a":-0.0,"model":"base"}\r\n',
  ],
];
test("F53 F54 F56 T06 T07 odd bodies that are completions arrive as they were sent", { skip }, async (t) => {
  const gateway = await anEchoGateway(t);
  for (const [ids, what, body] of forwarded) await assertForwarded(`${ids} ${what}`, gateway, body);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  await gateway.quiet();
});

test("F56 T07 headers with names of JavaScript's own arrive as they were sent", { skip }, async (t) => {
  const gateway = await anEchoGateway(t);
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "valueOf"];
  const lines = names.map((name) => `${name}: a-${name}\r\n`).join("");
  const body = completion("base");
  const head = `POST /v1/completions HTTP/1.1\r\nhost: a\r\n${lines}content-length: ${body.length}\r\n\r\n`;
  assert.match(await exchangeRaw(gateway.port, head + body), /^HTTP\/1.1 200/);
  for (const name of names) assert.deepEqual(valuesOf(gateway.seen[0] as Seen, name.toLowerCase()), [`a-${name}`]);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("T09 of two requests with one id the end of one leaves the other alone", { skip }, async (t) => {
  const answers: ((text: string) => void)[] = [];
  const gateway = await aGateway(t, (request, response) => {
    response.on("error", () => {});
    request.resume().on("end", () => answers.push((text) => response.end(text)));
  });
  const headers = { "x-request-id": "victim", "content-type": "application/json" };
  const ask = (signal?: AbortSignal): Promise<Response> =>
    fetch(`${gateway.url}/v1/completions`, {
      method: "POST",
      body: completion("base"),
      headers,
      ...(signal && { signal }),
    });
  const abort = new AbortController();
  const victim = ask();
  const attacker = ask(abort.signal).catch(() => undefined);
  const { ledger } = gateway.picker.picker.store;
  const untilInFlight = async (count: number): Promise<void> => {
    for (let attempt = 0; ledger.total !== count && attempt < 400; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(ledger.total, count);
  };
  await untilInFlight(2);
  abort.abort();
  await attacker;
  await untilInFlight(1);
  for (const answer of answers) answer('{"text":"for the victim"}');
  assert.equal(await (await victim).text(), '{"text":"for the victim"}');
  await gateway.quiet();
});

test("T10 names of models and flows forge no line of the metrics page and no colour of a terminal", {
  skip,
}, async (t) => {
  const lines: string[] = [];
  const keep = (data: object, message: string): void => void lines.push(JSON.stringify({ ...data, message }));
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  const gateway = await anEchoGateway(t, { logger });
  const evil = 'a"}\nllm_d_epp_request_total{model_name="forged"} 7\n\u001b[31m\r';
  const ask = async (at: number): Promise<void> => {
    const model = `${evil}${at}${"m".repeat(at % 2 === 0 ? 0 : 2000)}`;
    const answer = await post(gateway, completion(model), {
      headers: { "x-llm-d-inference-fairness-id": `flow-${at}` },
    });
    assert.equal(answer.status, 200);
  };
  await Promise.all(Array.from({ length: 40 }, (_, at) => ask(at)));
  const page = await gateway.picker.metrics();
  assert.doesNotMatch(page, /^llm_d_epp_request_total\{model_name="forged"/m);
  assert.ok(!/[^\P{Cc}\n]/u.test(page), "no control character");
  const names = [...page.matchAll(/^llm_d_epp_request_total\{model_name="((?:[^"\\]|\\.)*)"/gm)].map(
    ([, name]) => name,
  );
  assert.equal(names.length, 40);
  assert.ok(names.every((name) => (name ?? "").length < 600));
  assert.ok(lines.every((line) => line.length < 2000 && !line.includes("mmmmmmmmmm".repeat(60))));
  await gateway.quiet();
});

test("F61 a client that does not read holds up its own answer only, within bounds, and gets all of it later", {
  skip,
}, async (t) => {
  let sent = 0;
  let isOpen = true;
  const gateway = await aGateway(t, (request, response) => {
    request.resume();
    if (request.headers["x-quick"] !== undefined) return void response.end("{}");
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      while (isOpen && response.write(`data: ${sent++} ${"x".repeat(1000)}\n\n`));
      if (!isOpen) response.end();
    };
    response.on("drain", more);
    more();
  });
  const body = completion("base", "hi", { stream: true });
  const socket = connect({ port: gateway.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.pause();
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  // The flow stands still once every buffer on its way is full.
  for (let before = -1; before !== sent || sent === 0; ) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const held = (await gateway.picker.sample("epp_buffered_bytes")) ?? 0;
  assert.ok(held < 8 * 1024 * 1024, `${held} bytes held`);
  assert.ok(sent < 64_000, `${sent} events of 1 KB on their way`);
  const quick = await post(gateway, completion("base"), { headers: { "x-quick": "1" } });
  assert.equal(quick.status, 200);
  isOpen = false;
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.resume();
  await once(socket, "close");
  const got = [...text.matchAll(/data: (\d+) x{1000}/g)].map(([, at]) => Number(at));
  assert.ok(got.length > 0.99 * sent, `${got.length} of ${sent} events`);
  await gateway.quiet();
});
