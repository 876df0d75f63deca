/** Settings of hosts at Hetzner Cloud: shapes and ranges. What depends on several settings is in cloud-checks.ts. */
import * as z from "zod";
import { tokenFault } from "../../hcloud/token.ts";
import { privateBlockFault } from "./private-network.ts";
import { isWholePublicKey } from "./ssh-public-key.ts";

/** A text in which `faultOf` finds nothing. */
const soundText = (faultOf: (text: string) => string | null) =>
  z.string().refine((text) => faultOf(text) === null, { error: ({ input }) => faultOf(String(input)) ?? "" });

/** As the API has them: letters, digits and hyphens. */
const apiName = (what: string) =>
  z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$/, `must be the name of ${what}, as Hetzner has it`);

const labelKey = z
  .string()
  .regex(
    /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
    "must be a label's name: letters and digits, with hyphens, underscores and dots between, at most 63",
  );
const labelValue = z
  .string()
  .regex(
    /^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/,
    "must be a label's value: letters and digits, with hyphens, underscores and dots between, at most 63",
  );

const apiId = z.number().int().positive();

export const cloudHostSchema = z.strictObject({
  provider: z.literal("hcloud").default("hcloud").describe("Hetzner Cloud; there is no other yet"),
  serverType: apiName("a server type")
    .optional()
    .describe(
      "Hetzner's name of the type; default: cx23 for an arbiter, ccx63 for a host with neard (cx33 on localnet), which is what costs",
    ),
  location: apiName("a location").describe(
    "Hetzner's name of the place, such as fsn1; a host that is there cannot move",
  ),
  image: apiName("an image")
    .default("debian-13")
    .describe("What the server begins with; an existing host keeps its own until it is replaced"),
  adopt: z
    .strictObject({
      server: apiId.describe(
        "Id at Hetzner of a server that is there already: taken over as it runs, with its public address, instead of a new one. It stays in the settings, with hostKey, until the server is replaced; see docs/operate/cloud.md",
      ),
      primaryIp: apiId.describe("**Required** with server. Id of its public IPv4 address, a primary IP"),
    })
    .optional()
    .describe("A server that is there already, to be taken over"),
  protect: z
    .boolean()
    .optional()
    .describe("Whether Pulumi refuses to delete or replace this host's server and address; default: hcloud.protect"),
});

export const hcloudSchema = z.strictObject({
  token: soundText(tokenFault).describe(
    "Secret: API token of the project, which may read and write (pulumi config set --secret --path hcloud.token < TOKENFILE)",
  ),
  name: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/, "use lower-case letters, digits and hyphens, at most 20 of them")
    .optional()
    .describe(
      "What the names of all things at Hetzner begin with; two stacks in one project need two; default: holdfast- and the network's name",
    ),
  network: z
    .strictObject({
      range: soundText(privateBlockFault)
        .default("10.233.0.0/16")
        .describe("The private network; cannot be changed while there are servers"),
      subnet: soundText(privateBlockFault)
        .default("10.233.0.0/17")
        .describe("The part of it in which the servers are; cannot be changed while there are servers"),
      zone: apiName("a network zone")
        .optional()
        .describe("The network zone; default: that of the hosts' locations, of which a network can have but one"),
    })
    .prefault({})
    .describe("The hosts' private network"),
  spread: z
    .boolean()
    .default(true)
    .describe(
      "No two servers of one location on one physical machine, by a placement group for each location (at most 10 servers); of a server that is there, it changes when that is replaced",
    ),
  labels: z.record(labelKey, labelValue).default({}).describe("Labels of yours, on everything that is made"),
  sshPublicKey: z
    .string()
    .refine(isWholePublicKey, 'must be the text of a .pub file, such as "ssh-ed25519 AAAA…"')
    .optional()
    .describe(
      "The key with which new servers let this stack in; default: the public half of ssh.privateKey, where that is in OpenSSH's form",
    ),
  sshKeyName: z
    .string()
    .regex(/^\P{Cc}{1,255}$/u, "must be the name of an SSH key")
    .optional()
    .describe(
      "Instead: the name of an SSH key that is in the project already, such as that of another stack; a key can be there but once",
    ),
  protect: z
    .boolean()
    .default(true)
    .describe(
      "Pulumi refuses to delete or replace network, addresses and servers, and Hetzner to delete the addresses",
    ),
  endpoint: z
    .string()
    .regex(
      /^https?:\/\/[^\s/?#@\\]+(\/[^\s?#\\]*)?$/,
      "must be an https:// URL without a login, such as https://api.example/v1",
    )
    .transform((url) => url.replace(/\/+$/, ""))
    .optional()
    .describe("Another API than https://api.hetzner.cloud/v1, such as the lab's; http:// only on localnet"),
});

export type HcloudSettings = z.output<typeof hcloudSchema>;
