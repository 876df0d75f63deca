/**
 * What a new server is told by cloud-init when it boots for the first time: its SSH host key, so that the very first
 * connection is to a pinned one, and how to bring up the private interface, which comes later than the server, or again after
 * a re-attachment, and then has another MAC address. Pure.
 *
 * Awkward case: whoever runs on a server can read its user data (the metadata service asks for no login). The host's own
 * firewall lets only root there (firewall.ts), from the first deployment on; what runs before that is Debian's.
 */

import type { KeyPair } from "../../ssh/key-pair.ts";

/** Hetzner: of a server's user data. */
export const mostUserDataBytes = 32 * 1024;

/** Before those of netplan, which may name the interface by its first MAC address. */
const networkFile = "/etc/systemd/network/05-holdfast-private.network";

/** Of Hetzner's private networks. */
const mtu = 1450;

/** Of any virtio interface but the first: its name differs from type to type (enp7s0, ens10), its MAC address with every attachment. */
const networkLines = [
  "# Made by holdfast: Hetzner's private network, which may come at any time.",
  "[Match]",
  "Driver=virtio_net",
  "Name=!eth0",
  "",
  "[Link]",
  `MTUBytes=${mtu}`,
  "RequiredForOnline=no",
  "",
  "[Network]",
  "DHCP=ipv4",
  "LinkLocalAddressing=no",
  "IPv6AcceptRA=no",
  "",
  "[DHCPv4]",
  "UseDNS=no",
  "UseNTP=no",
  "UseHostname=no",
  "UseGateway=no",
];

/** Each is tried by itself: what is missing then is told by the preflight, in words. */
const commands = [
  // Where another program manages eth0, networkd would wait for an interface that it does not have.
  "systemctl is-enabled --quiet systemd-networkd.service || { systemctl enable systemd-networkd.service; systemctl disable systemd-networkd-wait-online.service; } || true",
  "systemctl start systemd-networkd.service && networkctl reload || true",
  "command -v nft >/dev/null || { apt-get update && apt-get install -y --no-install-recommends nftables; } || true",
];

/** @param hostKey of the type ed25519 */
export function userData({ privateKey, publicKey }: KeyPair): string {
  const config = {
    ssh_deletekeys: true,
    // None but the one that is given.
    ssh_genkeytypes: [],
    ssh_keys: { ed25519_private: privateKey, ed25519_public: publicKey },
    ssh_pwauth: false,
    disable_root: false,
    write_files: [{ path: networkFile, permissions: "0644", content: `${networkLines.join("\n")}\n` }],
    runcmd: commands,
  };
  // YAML takes JSON as it is.
  return `#cloud-config\n${JSON.stringify(config, null, 1)}\n`;
}
