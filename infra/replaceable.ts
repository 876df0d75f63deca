/** The one host whose server may be replaced in this run; see contract/cloud.ts. Pure. */
import { replaceVariable } from "../contract/cloud.ts";
import { configFault, FaultsError } from "./config/faults.ts";
import { isAtCloud, type Topology } from "./config/topology.ts";

/** @throws FaultsError for a name that is no host's at a cloud: whoever set it wanted something that would not happen */
export function replaceableHosts(
  { hosts }: Pick<Topology, "hosts">,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlySet<string> {
  const name = (env[replaceVariable] ?? "").trim();
  if (name === "") return new Set();
  if (hosts.some((host) => host.name === name && isAtCloud(host))) return new Set([name]);
  const names = hosts.filter(isAtCloud).map((host) => host.name);
  throw new FaultsError("the environment", [
    configFault(
      `${replaceVariable} is ${JSON.stringify(name.slice(0, 60))}, which is no host that this stack makes at a cloud`,
      names.length === 0 ? "Unset it." : `Unset it, or name one host: ${names.join(", ")}.`,
    ),
  ]);
}
