/** The lab's neard: the command line of the real one, as far as holdfast uses it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Refused, readGenesis, readNodeKey, readText, refuseFewFiles } from "./home.ts";
import { init } from "./init.ts";
import { labOptionsSchema } from "./options.ts";
import { loadHome } from "./reload.ts";
import { run } from "./run.ts";
import { versionLines } from "./version.ts";

const usage = `${versionLines()}

usage: neard [--home DIR] init [--chain-id C] [--account-id A] [--boot-nodes B] [--genesis FILE]
       neard [--home DIR] run [--boot-nodes B] [--network-addr A] [--rpc-addr A]
       neard [--home DIR] validate-config
       neard --version`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      home: { type: "string", default: join(homedir(), ".near") },
      version: { type: "boolean", short: "V" },
      help: { type: "boolean", short: "h" },
      "chain-id": { type: "string" },
      "account-id": { type: "string" },
      "boot-nodes": { type: "string" },
      "network-addr": { type: "string" },
      "rpc-addr": { type: "string" },
      genesis: { type: "string" },
      "download-config": { type: "string" },
      "download-genesis": { type: "boolean" },
      "unsafe-fast-startup": { type: "boolean" },
    },
  });
  const { home } = values;
  const bootNodes = values["boot-nodes"];
  if (values.version) {
    refuseFewFiles(labOptionsSchema.parse({}).requireNofile);
    return console.log(versionLines());
  }
  if (values.help) return console.log(usage);
  switch (positionals.join(" ")) {
    case "init":
      if (values["download-genesis"]) throw new Error("a lab chain's genesis is not downloaded: give --genesis FILE");
      return init({
        home,
        chainId: values["chain-id"],
        accountId: values["account-id"],
        bootNodes,
        genesis: values.genesis,
      });
    case "run":
      return run({ home, bootNodes, networkAddr: values["network-addr"], rpcAddr: values["rpc-addr"] });
    case "validate-config": {
      const { config } = loadHome(readText, home);
      readGenesis(home, config);
      readNodeKey(home, config);
      return console.log("All validations have passed!");
    }
    default:
      console.error(usage);
      process.exit(2);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Refused ? error.message : `Error: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
});
