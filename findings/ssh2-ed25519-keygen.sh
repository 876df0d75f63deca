#!/usr/bin/env bash
# npm ssh2 1.17.0 (latest in November 2026), Node 20.20.2, OpenSSH 9.2p1: utils.generateKeyPairSync("ed25519").
#
# Expected: every key pair that a library makes, it and OpenSSH can read.
# Seen: of 3,000 pairs 8 to 15 (1 of 256 is due) are "Malformed OpenSSH private key" to the same library's parseKey, and
# `ssh-keygen -y` refuses just those too. They are the keys whose public half begins with a zero byte: the library takes it for
# padding, as it would be in an integer, and writes 31 bytes where RFC 8709 has always 32. The pair looks well, and its public
# line can be put on a server; who makes one key for a host finds out when nobody can log in. Reported upstream, still open
# (mscdex/ssh2 issues 1390, 1513, 1514). What helps: parse what was made, and make another.
# Fails when that changes. Needs node, npm and ssh-keygen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent ssh2@1.17.0
cat >try.mjs <<'JS'
import { writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import ssh2 from "ssh2";
const { generateKeyPairSync, parseKey } = ssh2.utils;
const takes = (key) => {
  writeFileSync("key", key, { mode: 0o600 });
  return spawnSync("ssh-keygen", ["-y", "-f", "key"]).status === 0;
};
const pairs = Array.from({ length: 3000 }, () => generateKeyPairSync("ed25519"));
const bad = pairs.filter(({ private: key }) => parseKey(key) instanceof Error);
const good = pairs.filter((pair) => !bad.includes(pair)).slice(0, 20);
const blobBytes = ({ public: line }) => Buffer.from(line.split(" ")[1], "base64").length;
console.log(`unreadable: ${bad.length} of ${pairs.length}`);
console.log(`bytes of the public blob: good ${[...new Set(good.map(blobBytes))]}, unreadable at most ${Math.max(...bad.map(blobBytes))}`);
console.log(`ssh-keygen takes: good ${good.filter((pair) => takes(pair.private)).length} of ${good.length}, unreadable ${bad.filter((pair) => takes(pair.private)).length}`);
JS
seen=$(node try.mjs)
echo "$seen"
grep -qE '^unreadable: [1-9][0-9]* of 3000$' <<<"$seen" && grep -qx 'bytes of the public blob: good 51, unreadable at most 50' <<<"$seen" &&
  grep -qx 'ssh-keygen takes: good 20 of 20, unreadable 0' <<<"$seen" || { echo "it changed" >&2; exit 1; }
