import { describe, expect, test } from "vitest";
import { activeCore, type Core, settings } from "./testing.ts";

const order = ["shut", "kill-neard", "erase-key", "release", "disarm", "start-neard"] as const;
const deeds = (core: Core) => core.effects.map((effect) => effect.do).filter((name) => order.includes(name as never));
const demoted = () => activeCore().after(100).probe({ process: null, answered: false });

test("stops, proves, releases, in that order", () => {
  const core = demoted();
  for (let i = 0; i < order.length; i++) core.done();
  expect(deeds(core)).toEqual([...order]);
  expect(core.state.phase.name).toBe("standby");
});

describe("cut in the middle", () => {
  test.for(order.slice(1, -1).map((name, i) => [name, i + 1] as const))(
    "a %s that fails is repeated, and nothing behind it happens",
    ([name, i]) => {
      const core = demoted();
      for (let n = 0; n < i; n++) core.done();
      core.fail().fail();
      expect(deeds(core)).toEqual([...order.slice(0, i), name, name, name]);
    },
  );

  test("a fence that does not shut holds nobody back: neard is killed at once, and nothing released before both", () => {
    const core = demoted().fail();
    expect(deeds(core)).toEqual(["shut", "kill-neard"]);
    expect(core.effects.at(-1)).toMatchObject({ do: "kill-neard", delayMs: 0 });
    core.done().done().fail().fail().done();
    expect(deeds(core).slice(2)).toEqual(["erase-key", "shut", "shut", "shut", "release"]);
    core.done().done().done();
    expect(deeds(core).slice(-2)).toEqual(["disarm", "start-neard"]);
    expect(core.state.phase.name).toBe("standby");
  });

  test("with neither fence nor kill, both are tried in turn", () => {
    const core = demoted().fail().fail().fail().fail();
    expect(deeds(core)).toEqual(["shut", "kill-neard", "shut", "kill-neard", "shut"]);
    // The fence is back: from here on it is the kill that counts.
    core.done().fail().fail();
    expect(deeds(core).slice(5)).toEqual(["kill-neard", "kill-neard", "kill-neard"]);
  });

  test("the fence is put back for the epoch that this host held", () => {
    expect(demoted().asked("shut")).toMatchObject([{ epoch: 5 }]);
  });

  test("a refused release is the end of it: the standby's wait covers what the marker would have told", () => {
    const core = demoted().done().done().done();
    core.fail(true);
    expect(deeds(core).at(-1)).toBe("disarm");
  });
});

test("the clean marker names our epoch, and nobody in particular", () => {
  const core = demoted().done().done().done();
  expect(core.asked("release")[0]?.marker).toMatchObject({ by: settings.host, epoch: 5, to: null });
});

test("a late answer to an earlier step moves nothing", () => {
  const core = demoted();
  const serial = core.state.serial;
  core.done();
  const before = core.state.phase;
  core.tell({ is: "done", serial });
  expect(core.state.phase).toEqual(before);
});
