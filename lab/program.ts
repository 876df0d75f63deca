/** The commands of the lab. Words only; what is done is in hosts/ and faults/. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { leaveWithReader } from "../cli/terminal/reader-left.ts";
import { runEntry } from "../contract/entry.ts";
import { HoldfastError } from "../contract/errors.ts";
import { parseValidatorKey } from "../contract/near-key.ts";
import { activeFaults, healAll, injectFault } from "./faults/engine.ts";
import { faultKinds } from "./faults/kinds.ts";
import { askWitness, stakeWith, startChain, stopChain } from "./hosts/chain.ts";
import { askCloud, cloudEndpoints, startCloud, stopCloud } from "./hosts/cloud.ts";
import { checkLabName, defaultLabName, findLab, hostOf, type Lab, labPaths, loadLab } from "./hosts/description.ts";
import { addHosts, downLab, labStatus, reinstallHost, removeHost, upLab } from "./hosts/lab.ts";
import { environment, requireRoot } from "./hosts/machine.ts";
import { sshArguments } from "./hosts/ssh.ts";
import { neardAskedFor, neardOption } from "./real/option.ts";
import { cloudLines, faultLines, statusLines, witnessLines } from "./words.ts";

const say = (line: string) => console.error(line);
const print = (lines: readonly string[]) => console.log(lines.join("\n"));
const printJson = (data: unknown) => console.log(JSON.stringify(data, null, 2));

const program = new Command("lab")
  .description(
    "Real Linux hosts on this machine, a chain, simulated or of real neards, and faults to try the cluster with.",
  )
  .addOption(new Option("--lab <name>", "which lab").env("HOLDFAST_LAB").default(defaultLabName))
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError("(npm run -s lab -- --help shows all commands)")
  .exitOverride();

const labName = () => checkLabName(program.opts<{ lab: string }>().lab);
/** Adds a command that also takes --lab behind its name. */
const command = (nameAndArguments: string, description: string) =>
  program
    .command(nameAndArguments)
    .description(description)
    .option("--lab <name>", "which lab", (name: string) => {
      program.setOptionValue("lab", name);
      return name;
    });

command("up [hosts...]", "bring the hosts and the chain up; a new lab gets host-a, host-b and host-c")
  .addOption(neardOption())
  .action(async (hosts: string[], { neard }: { neard?: string }) => {
    const options = { hosts: hosts.length > 0 ? hosts : undefined, neard: await neardAskedFor(neard) };
    await startChain(await upLab(labName(), say, options));
    print(statusLines(await labStatus(labName())));
  });

command("down", "remove the lab: its hosts with their disks, its network, its chain").action(async () => {
  const removed = await downLab(labName(), say);
  say(removed ? `the lab ${labName()} is gone; the hosts' image stays` : `there is no lab ${labName()}`);
});

command("status", "what is on and what answers")
  .option("--json", "as JSON, with the whole description")
  .action(async (options: { json?: true }) => {
    const status = await labStatus(labName());
    if (options.json) printJson(status);
    else print(statusLines(status));
  });

command("add <hosts...>", "add hosts and boot them").action(async (hosts: string[]) => {
  await addHosts(labName(), hosts, say);
  print(statusLines(await labStatus(labName())));
});

command("remove <host>", "kill a host and delete its disk").action(async (host: string) => {
  await removeHost(labName(), host);
  say(`${host} is gone`);
});

command("reinstall <host>", "set a host's machine up anew: an empty disk under the same name and address")
  .option("--keep-host-key", "with the SSH host key that it had")
  .action(async (host: string, options: { keepHostKey?: true }) => {
    const lab = await reinstallHost(labName(), host, say, options.keepHostKey === true);
    const { address, hostKey } = hostOf(lab, host);
    say(`${host} (${address}) is empty; its SSH host key is ${hostKey}`);
  });

command("exec <host> [command...]", "run a command on a host over SSH; without one, a shell")
  .allowUnknownOption()
  .action(async (name: string, words: string[]) => {
    const lab = loadLab(labName());
    const terminal = words.length === 0 && process.stdin.isTTY ? ["-t"] : [];
    process.exitCode = await inherit("ssh", [...terminal, ...sshArguments(lab, hostOf(lab, name)), ...words]);
  });

command("logs <host>", "the host's console, from its first boot")
  .option("-f, --follow", "go on as it grows")
  .action(async (name: string, options: { follow?: true }) => {
    const lab = loadLab(labName());
    const { console } = labPaths(lab.name).host(hostOf(lab, name).name);
    process.exitCode = await show(console, options.follow);
  });

command("fault <kind> <host>", "break something; `lab faults` lists what")
  .option("--for <time>", "heal by itself after this long, such as 500ms, 10s or 2m", duration)
  .option("--peer <host>", "the other host, for a fault between two")
  .option("--wait", "return only when it has healed")
  .action(async (kind: string, host: string, options: { for?: number; peer?: string; wait?: true }) => {
    requireRoot();
    const lab = loadLab(labName());
    const fault = await injectFault(lab, kind, host, { forMs: options.for, peer: options.peer });
    const lasting = faultKinds.find((candidate) => candidate.name === kind)?.lasting;
    const ends =
      fault.untilMs !== null
        ? `until ${new Date(fault.untilMs).toISOString()}`
        : lasting
          ? `until: npm run -s lab -- heal ${host}${otherLab(lab)}`
          : "done";
    console.log(`${new Date(fault.wallMs).toISOString()} ${kind} ${host}, ${ends}`);
    while (options.wait && activeFaults(lab).some(({ id }) => id === fault.id)) await sleep(50);
  });

command("heal [host]", "end all faults, of one host or of all, and boot what is off").action(async (host?: string) => {
  requireRoot();
  const lab = loadLab(labName());
  const healed = await healAll(lab, host);
  say(`${host ?? lab.hosts.map(({ name }) => name).join(", ")}: healthy${healed.length === 0 ? " already" : ""}`);
});

command("faults", "every kind of fault, and which are on now")
  .option("--json", "as JSON")
  .action((options: { json?: true }) => {
    const active = activeFaults(loadLab(labName()));
    const kinds = faultKinds.map(({ name, sentence, needs, lasting }) => ({ name, sentence, needs, lasting }));
    if (options.json) printJson({ kinds, active });
    else print(faultLines(kinds, active));
  });

command("witness", "what the chain saw: who signed, what was missed, whether two ever signed at once")
  .option("--json", "the whole report as JSON")
  .action(async (options: { json?: true }) => {
    const report = await askWitness(loadLab(labName()));
    if (options.json) printJson(report);
    else print(witnessLines(report));
  });

command(
  "stake <key-file>",
  "as if the account staked with another validator key: it counts from the NEAR epoch after next",
).action(async (file: string) => {
  const lab = loadLab(labName());
  const { publicKey } = parseValidatorKey(readFileSync(file, "utf8"), lab.chain?.account, file);
  const nearEpoch = await stakeWith(lab, publicKey);
  say(`${publicKey} is the validator's key from NEAR epoch ${nearEpoch} on`);
});

command("chain <start|stop|log>", "the chain: simulated, or the network of real neards")
  .option("-f, --follow", "with log: go on as it grows")
  .option(
    "--late <time>",
    "with start, real neards only: what they send and are sent arrives later, such as 25ms",
    duration,
  )
  .action(async (what: string, options: { follow?: true; late?: number }) => {
    const lab = loadLab(labName());
    if (options.late !== undefined && lab.neard === null)
      throw new HoldfastError("HF_USAGE", "--late is for a network of real neards; this lab's chain is simulated.");
    if (what === "start") await startChain(lab, options.late);
    else if (what === "stop") await stopChain(lab);
    else if (what === "log") process.exitCode = await show(labPaths(lab.name).chainLog, options.follow);
    else throw new HoldfastError("HF_USAGE", `"${what}" is not one of start, stop, log.`);
  });

command("cloud [action] [fault]", "a stand-in of Hetzner Cloud's API whose servers are hosts of the lab; starts it")
  .addHelpText(
    "after",
    `
Actions: start (the default), stop, counts (requests answered so far), calls (the latest), faults, clear (no faults any more,
and hanging actions end), fault JSON. Such as:
  lab cloud fault '{"on": "action", "command": "stop_server", "outcome": "hang", "times": 1}'
  lab cloud fault '{"on": "request", "method": "POST", "path": "^/servers$", "outcome": "error", "code": "rate_limit_exceeded"}'
lab/cloud/faults.ts has them all.`,
  )
  .option("--json", "endpoint and tokens as JSON")
  .action(async (action: string | undefined, fault: string | undefined, options: { json?: true }) => {
    if ((action === "fault") !== (fault !== undefined))
      throw new HoldfastError("HF_USAGE", "A fault's JSON goes with the action fault, and only there.");
    if (action === undefined || action === "start") {
      requireRoot();
      const lab = await startCloud(findLab(labName()) ?? (await upLab(labName(), say, { cloud: true })));
      const { token, otherProjectsToken, readOnlyToken, controlSocket } = lab.cloud;
      const facts = { ...cloudEndpoints(lab, lab.cloud), token, otherProjectsToken, readOnlyToken, controlSocket };
      if (options.json) printJson(facts);
      else print(cloudLines(facts));
      return;
    }
    const lab = loadLab(labName());
    if (action === "stop") return await stopCloud(lab);
    const asked = {
      counts: ["GET", "/counts"],
      calls: ["GET", "/calls"],
      faults: ["GET", "/faults"],
      clear: ["DELETE", "/faults"],
      fault: ["POST", "/faults"],
    }[action];
    const [method, path] = asked ?? [];
    if (method === undefined || path === undefined)
      throw new HoldfastError(
        "HF_USAGE",
        `"${action}" is not one of start, stop, counts, calls, faults, clear, fault.`,
      );
    printJson(await askCloud(lab, method, path, fault === undefined ? undefined : parseFault(fault)));
  });

function parseFault(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw new HoldfastError("HF_USAGE", "The fault is no JSON.", {
      next: "Quote it: lab cloud --help has examples.",
      cause,
    });
  }
}

function otherLab(lab: Lab): string {
  return lab.name === defaultLabName ? "" : ` --lab ${lab.name}`;
}

/** "500ms", "10s", "2m" in milliseconds. */
function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const unitMs = { ms: 1, s: 1000, m: 60_000 }[unit ?? ""];
  if (unitMs === undefined) throw new InvalidArgumentError("Write it as 500ms, 10s or 2m.");
  return Number(number) * unitMs;
}

function show(file: string, follow: boolean | undefined): Promise<number> {
  return inherit("tail", follow ? ["-n", "+1", "-F", file] : ["-n", "+1", file]);
}

/** Runs a program on this terminal; its exit code. */
function inherit(file: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit", env: environment });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

leaveWithReader();
await runEntry("lab", () => program.parseAsync());
