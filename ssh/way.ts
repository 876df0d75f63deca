/** The way from this machine to a host: who is asked to let us in, as whom, and the one host key that counts. */

export interface SshEnd {
  /** Address or name. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** `TYPE BASE64` */
  readonly hostKey: string;
}

export interface Way extends SshEnd {
  /** The host's name in the configuration. */
  readonly name: string;
  /** The jump host that leads there. */
  readonly proxy: SshEnd | null;
}

/** What opens the door, the jump host's too: a private key, or else the keys of the ssh-agent at this socket. */
export type Login = { readonly privateKey: string } | { readonly agentSocket: string };
