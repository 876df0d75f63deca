/** holdfastd, the program on every host. `run` is the failover agent, `apply` converges the host. */
import "../contract/first.ts";
import { Command } from "commander";
import { runEntry } from "../contract/entry.ts";
import { paths } from "../contract/paths.ts";
import { keepInLog } from "../contract/unforeseen.ts";
import { AgentSocket } from "../host/socket-client.ts";
import { version } from "../host/version.ts";

const program = new Command("holdfastd")
  .description("holdfast on one host: the failover agent and the host's converger")
  .version(version)
  .showHelpAfterError("(holdfastd --help lists the commands)");

program
  .command("run")
  .description("run the failover agent; started by holdfastd.service")
  .option("--config <file>", "what it knows of its cluster", paths.agentConfig)
  .action(async ({ config }: { config: string }) => {
    const { runAgent } = await import("../agent/run/agent.ts");
    await runAgent(config);
  });

program
  .command("expire")
  .description("if this host's lease is over: shut the fence, kill neard, erase the key (ExecStopPost=)")
  .option("--force", "do it even if the lease still lives")
  .option("--keep-fence", "with --force: leave the fence shut")
  .action(async (options: { force?: boolean; keepFence?: boolean }) => {
    const { expire } = await import("../agent/run/expire.ts");
    console.log(await expire({ force: options.force === true, keepFence: options.keepFence === true }));
  });

program
  .command("status")
  .description("what the agent on this host says of itself")
  .option("--json", "the whole status as JSON")
  .action(async (options: { json?: boolean }) => {
    const status = await new AgentSocket().status();
    if (options.json === true) console.log(JSON.stringify(status, null, 2));
    else console.log(`${status.host}: ${status.role} since ${status.since}: ${status.because}`);
  });

/** What systemd started writes to the journal; its files are not those of the host. */
const keep =
  process.env.JOURNAL_STREAM === undefined
    ? keepInLog
    : (text: string) => {
        process.stderr.write(text);
        return { path: "the journal, right before this line" };
      };

void runEntry(
  `holdfastd ${process.argv[2] ?? ""}`.trim(),
  async () => {
    // The standing agent does without the converger and what it loads.
    if (process.argv[2] !== "run") {
      const { registerConvergeCommands } = await import("../converge/commands.ts");
      registerConvergeCommands(program);
    }
    await program.parseAsync();
  },
  { lead: "holdfastd: ", keep },
);
