/** The hosts whose server may be replaced in this run, nearly always one; see contract/cloud.ts. Pure. */
import { replaceVariable } from "../contract/cloud.ts";
import { configFault, FaultsError } from "./config/faults.ts";
import { isAtCloud, type Topology } from "./config/topology.ts";

/** @throws FaultsError for a name that is no host's at a cloud: whoever set it wanted something that would not happen */
export function replaceableHosts(
  { hosts }: Pick<Topology, "hosts">,
  env: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlySet<string> {
  const given = (env[replaceVariable] ?? "").trim();
  if (given === "") return new Set();
  const wanted = given.split(/[\s,]+/).filter((name) => name !== "");
  const names = hosts.filter(isAtCloud).map((host) => host.name);
  if (wanted.length > 0 && wanted.every((name) => names.includes(name))) return new Set(wanted);
  throw new FaultsError("the environment", [
    configFault(
      `${replaceVariable} is ${JSON.stringify(given.slice(0, 60))}, which is no host that this stack makes at a cloud`,
      names.length === 0 ? "Unset it." : `Unset it, or name one host: ${names.join(", ")}.`,
    ),
  ]);
}
