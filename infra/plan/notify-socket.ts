/**
 * How the agent talks to systemd. Node can write to a datagram socket on a Unix path but has no call that
 * makes one, and a program started for each message cost a quarter of all that the agent used
 * (docs/decisions/0010-a-socket-to-systemd-from-perl.md). So the unit starts Perl, which every Debian and Ubuntu has
 * (perl-base is Essential), to make the socket and then become Node: same process, nothing is left of it.
 *
 * The second socket is the kernel's, which tells there of every change of packet filter rules: so the agent learns
 * at once that somebody flushed them, and a look that finds nothing costs 5 microseconds (agent/firewall/).
 */

import { notifySocketVariable, paths, ruleSocketVariable } from "../../contract/paths.ts";
import type { HostSpecInput } from "../../contract/wire/host-spec.ts";
import { textFile } from "./spec-parts.ts";

/** What comes before the program in ExecStart=. */
export const withNotifySocket = `/usr/bin/perl ${paths.withNotifySocket}`;

export const notifySocketFile: NonNullable<HostSpecInput["files"]>[number] = textFile(paths.withNotifySocket, [
  "# Made by holdfast; changes are overwritten.",
  `# Runs a program with a socket to systemd's notifications open, its number in ${notifySocketVariable}.`,
  "use strict;",
  "use warnings;",
  "use Socket qw(:DEFAULT SOCK_NONBLOCK);",
  "$^F = 255;    # what is opened from here on stays open in the program",
  'socket(my $socket, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0) or die "socket: $!\\n";',
  'connect($socket, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die "connect: $!\\n";',
  `$ENV{${notifySocketVariable}} = fileno $socket;`,
  "# AF_NETLINK, NETLINK_NETFILTER, group NFNLGRP_NFTABLES. Where that cannot be had, the agent looks now and then.",
  "my $rules;",
  'my $heard = socket($rules, 16, SOCK_RAW | SOCK_NONBLOCK, 12) && bind($rules, pack("SSLL", 16, 0, 0, 1 << 6));',
  `$ENV{${ruleSocketVariable}} = fileno $rules if $heard;`,
  'exec { $ARGV[0] } @ARGV or die "exec: $!\\n";',
]);
