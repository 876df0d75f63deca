/** What the Pulumi program and the operator's command agree on about hosts that are made at a cloud. */

/**
 * Environment variable of one `pulumi up` (or preview): the name of a host whose server may be replaced or deleted in it, though
 * it is protected. Its public address stays protected, and so does every other host. Whoever sets it has made sure that the
 * cluster can do without that host. More than one, with commas between, only of hosts whose servers and addresses are gone for good.
 */
export const replaceVariable = "HOLDFAST_REPLACE";

/**
 * Environment variable of one `pulumi up` (or preview): names of hosts that it leaves as they are, for they cannot be reached. Here
 * beside the other one of its kind; it concerns hosts of any make.
 */
export const withoutVariable = "HOLDFAST_WITHOUT";

/** The component in which all of the cloud is: part of its resources' URNs. */
export const cloudComponent = "holdfast:index:Cloud";

/** A host's server in the stack's state, for `pulumi up --replace`. @param stack and `project` as Pulumi names them, alone */
export function serverUrn(stack: string, project: string, host: string): string {
  return `urn:pulumi:${stack}::${project}::${cloudComponent}$hcloud:index/server:Server::${host}`;
}
