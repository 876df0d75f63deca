/** The server of a host at a cloud, as the provider has it now. */
import { HoldfastError } from "../../contract/errors.ts";
import type { StackOutputs } from "../../contract/wire/stack-outputs.ts";
import type { Ports, StackHost } from "../ports.ts";
import type { CloudServer } from "./next-step.ts";

/** Null: the host is at no cloud. "unknown": the provider does not say. */
export async function serverOf(
  { hcloud, clock }: Pick<Ports, "hcloud" | "clock">,
  { hcloudAccess }: StackOutputs,
  { cloud }: StackHost,
): Promise<CloudServer | "absent" | "unknown" | null> {
  if (cloud == null) return null;
  if (hcloudAccess === undefined) return "unknown";
  try {
    const [server] = await (await hcloud(hcloudAccess)).list("servers", { name: cloud.serverName });
    if (server === undefined) return "absent";
    return { status: server.status, ageMs: clock.wallMs() - Date.parse(server.created) };
  } catch (error) {
    if (error instanceof HoldfastError) return "unknown";
    throw error;
  }
}
