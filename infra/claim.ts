/** Who deploys, as every host is told: this stack's deployment, and the one whose hosts it adopts. */
import * as pulumi from "@pulumi/pulumi";
import type { Claim } from "../contract/wire/identity.ts";
import type { Topology } from "./config/topology.ts";

/** @param stack `organization/project/stack` */
export function claimOf(id: pulumi.Output<string>, topology: Topology, stack: string): pulumi.Output<Claim> {
  return id.apply((own) => claimAs(own, topology, stack));
}

/** @param id null: this stack has deployed nothing yet */
export function claimAs<Id extends string | null>(id: Id, { network, account, adopt }: Topology, stack: string) {
  return { id, stack, network, account, ...(adopt === null ? {} : { adopt }) };
}

export function stackName(): string {
  return `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
}

/** The value of an output of resources that are being made; never in a preview, where it may not be known. */
export function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply((value) => resolve(value as T)));
}
