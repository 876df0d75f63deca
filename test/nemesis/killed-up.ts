/** `pulumi up` killed half way: pulumi, its language host and its plugins, all at once, as a closed laptop does. */
import { writeFileSync } from "node:fs";
import { execa } from "execa";
import { parseDocument } from "yaml";
import { repairStack } from "../../lab/localnet/stack.ts";
import { stackEnvironment } from "../../toolchain/stack.ts";
import { ensureTools } from "../../toolchain/tools.ts";
import { root, settingsFile, settingsText, up } from "../scenarios/cluster.ts";
import type { Stage } from "./stage.ts";

const kept = new WeakMap<Stage, string>();

/** Changes a setting of neard, begins `pulumi up`, and kills it while the first host is being changed. */
export async function killedUp(stage: Stage): Promise<void> {
  const before = settingsText();
  kept.set(stage, before);
  const file = parseDocument(before);
  file.setIn(["config", "holdfast:neard", "config", "gc_num_epochs_to_keep"], 7);
  writeFileSync(settingsFile(), file.toString({ lineWidth: 0 }));
  const { stack } = stage.lab;
  const arguments_ = ["up", "--yes", "--skip-preview", "--non-interactive", "--color", "never", "--stack", stack];
  const child = execa("pulumi", arguments_, {
    env: stackEnvironment(await ensureTools(), root, stack),
    extendEnv: false,
    cwd: root,
    stdin: "ignore",
    reject: false,
    all: true,
    // A process group of its own: what it started dies with it.
    detached: true,
  });
  for await (const line of child.iterable({ from: "all" })) {
    if (!/-neard updating/.test(String(line))) continue;
    await stage.wait(1500);
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    break;
  }
  await child;
}

/** Takes the change back and runs it again, as an operator would: the lock of the killed run goes first. */
export async function upAgain(stage: Stage): Promise<void> {
  const before = kept.get(stage);
  if (before === undefined) return;
  writeFileSync(settingsFile(), before);
  const tools = await ensureTools();
  await repairStack({ name: stage.lab.stack, root, tools }, stage.lab);
  const { code, stdout, stderr } = await up();
  if (code !== 0) throw new Error(`pulumi up after a killed one: ${(stdout + stderr).slice(-2000)}`);
}
