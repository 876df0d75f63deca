import { shapeFrom } from "/root/wt/fence/test/simulation/schedule.ts";
import { replay } from "/root/wt/fence/test/simulation/simulate.ts";
const { fencing: _, ...w } = shapeFrom(1);
const shape = { ...w, neardHosts: 3, hasWatchdog: false, rates: [1,1,1], isKeyChanging: false, fencing: { mode: "required", skipWait: false, isHonest: true } } as any;
const r = await replay({ shape, storms: [{ lastsMs: 50_000, faults: [{ atMs: 20_000, kind: "destroy-session" }] }] }, { trace: (l) => console.log(l.slice(0,230)) });
console.log(r.violations, r.powerCuts);
