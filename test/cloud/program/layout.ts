/** What the test's program is told by its environment: the hosts, and in which ways it leaves the recommended layout. */

export interface Host {
  readonly name: string;
  readonly ip: string;
  readonly type?: string;
  readonly location?: string;
  readonly image?: string;
  readonly userData?: string;
  readonly placementGroup?: boolean;
  /** Id of a server that is there already, to be adopted; its address too where given. */
  readonly adopt?: { readonly server: string; readonly primaryIp?: string };
  /** Adopted without the additional ignoreChanges that keep its address. */
  readonly adoptCarelessly?: boolean;
  readonly protect?: boolean;
}

export interface Layout {
  readonly endpoint: string;
  readonly token: string;
  readonly hosts: readonly Host[];
  /** Networks inline in the server, as facts advise against. */
  readonly inlineNetworks?: boolean;
  /** Default: true. */
  readonly protect?: boolean;
  /** The API's own protection too. Default: true. */
  readonly deleteProtection?: boolean;
  readonly rules?: readonly { readonly port: string }[];
  readonly subnet?: string;
  readonly createTimeout?: string;
  /** No fixed names: Pulumi makes them up. */
  readonly autoNames?: boolean;
}

/** The variable that holds it, as JSON. */
export const layoutVariable = "HOLDFAST_CLOUD_LAYOUT";
