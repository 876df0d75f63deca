/** A cluster whose hosts reach each other by IPv6: a lab of its own, for the same scenarios. */
import { clusterUp } from "./global-setup.ts";

export default async function setup(): Promise<() => Promise<void>> {
  return await clusterUp(process.env.HOLDFAST_IPV6_LAB ?? "six", { neard: "", family: "ipv6" });
}
