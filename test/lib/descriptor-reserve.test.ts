import assert from "node:assert/strict";
import { test } from "node:test";
import { DescriptorReserve } from "../../src/lib/descriptor-reserve.ts";
import { VirtualClock } from "../../src/lib/virtual-clock.ts";

/** A system of `limit` descriptors, of which others hold some, and a reserve whose owner holds 5. */
function aSystem(limit: number, others = 0, code = "EMFILE") {
  const clock = new VirtualClock();
  const open = new Set<number>();
  const taken = { others, owner: 5 };
  let next = 0;
  const free = (): number => limit - open.size - taken.others - taken.owner;
  const source = {
    open: () => {
      if (free() <= 0) throw Object.assign(new Error("none left"), { code });
      open.add(next);
      return next++;
    },
    close: (descriptor: number) => assert.ok(open.delete(descriptor), "closed once"),
  };
  const events: string[] = [];
  const owner = {
    exhausted: () => {
      events.push("exhausted");
      const count = taken.owner;
      taken.owner = 0;
      return count;
    },
    relieved: () => {
      events.push("relieved");
      taken.owner = 5;
    },
  };
  const start = (): DescriptorReserve => new DescriptorReserve(clock, owner, source);
  return { clock, open, taken, events, free, start };
}

test("F71 a reserve of 16 is held, and nothing happens while there are 4 more", () => {
  const { clock, open, taken, events, start } = aSystem(100);
  const reserve = start();
  assert.equal(open.size, 16);
  taken.others = 75;
  reserve.look();
  clock.advance(10_000);
  assert.equal(open.size, 16);
  assert.deepEqual(events, []);
  reserve.close();
  assert.equal(open.size, 0);
});

for (const code of ["EMFILE", "ENFILE"]) {
  test(`F71 the reserve and what its owner can do without are free once 3 others are left: ${code}`, () => {
    const { open, taken, events, free, start } = aSystem(100, 0, code);
    const reserve = start();
    taken.others = 76;
    reserve.look();
    assert.deepEqual(events, ["exhausted"]);
    assert.equal(open.size, 0);
    assert.equal(free(), 24);
    reserve.look();
    assert.deepEqual(events, ["exhausted"], "there is nothing more to let go");
  });
}

test("F71 a look every 250 ms finds what others took, and takes back once there is enough for all", () => {
  const { clock, open, taken, events, start } = aSystem(100);
  start();
  taken.others = 76;
  clock.advance(250);
  assert.deepEqual(events, ["exhausted"]);
  clock.advance(4750);
  assert.deepEqual(events, ["exhausted"], "24 are free, the reserve, the owner and others want 25");
  assert.equal(open.size, 0);
  taken.others = 75;
  clock.advance(250);
  assert.deepEqual(events, ["exhausted", "relieved"]);
  assert.equal(open.size, 16);
});

test("F71 a process that starts without descriptors starts in need", () => {
  const { events, start } = aSystem(10);
  start();
  assert.deepEqual(events, ["exhausted"]);
});

test("a reserve that cannot be opened for another reason is an error that says so", () => {
  const { start } = aSystem(10, 10, "EACCES");
  assert.throws(start, { message: "Cannot reserve file descriptors: none left" });
});

test("close stops the looks", () => {
  const { clock, taken, events, start } = aSystem(100);
  start().close();
  taken.others = 100;
  clock.advance(10_000);
  assert.deepEqual(events, []);
});
