#!/usr/bin/env bash
# Pulumi CLI 3.259.0 (Go module github.com/pulumi/pulumi/pkg/v3): what it writes besides the state.
#
# Expected: a log where somebody asks for one (-v, --logtostderr); PULUMI_* variables turn off what is not wanted.
# Seen: every command, `stack ls` too, writes a debug log below $PULUMI_HOME/logs, at the level of -v=9 whatever -v is: packed,
# and encrypted with the stack's secrets provider as soon as there is one, so it has secrets in it. PULUMI_LOG_ROTATION_MAX_AGE_DAYS
# and PULUMI_LOG_ROTATION_MAX_TOTAL_MB bound what is kept (7 days, 500 MB); no variable turns it off. For a preview of 540 resources it is
# 5 MB, and half of the CPU time that the CLI takes (--profiling: log/slog and compress/flate). Where the folder cannot be made, as
# where a file has its name, there is no log, no word of it, and the exit code is the same.
# Fails when that changes. Needs go, and builds the CLI: some minutes.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder" && rm -rf "$folder"' EXIT
cd "$folder"
mkdir build home project state
cd build
go mod init example.test/pulumi >/dev/null 2>&1
go get github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v3.259.0 >/dev/null 2>&1
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=3.259.0" \
  -o "$folder/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi
cd "$folder/project"
printf 'name: sample\nruntime: nodejs\n' >Pulumi.yaml
export PULUMI_HOME="$folder/home" PULUMI_BACKEND_URL="file://$folder/state" PULUMI_CONFIG_PASSPHRASE=sample
export PULUMI_SKIP_UPDATE_CHECK=true
quietly() { "$folder/pulumi" --non-interactive "$@" >/dev/null; }
fail() {
  echo "it changed: $*" >&2
  exit 1
}

[ "$("$folder/pulumi" version)" = 3.259.0 ] || fail "another version"
quietly stack init one
quietly config set --secret password only-for-this-test
quietly stack ls
count=$(find "$folder/home/logs" -type f -name '*.log' | wc -l)
echo "logs of three commands and 'version': $count"
[ "$count" -ge 3 ] || fail "not every command has a log"
"$folder/pulumi" --help | grep -iE -e '--[a-z-]*log' || true

rm -rf "$folder/home/logs"
touch "$folder/home/logs"
said=$("$folder/pulumi" --non-interactive stack ls 2>&1) || fail "it does not go on without its folder"
case "$said" in
*log*) fail "it speaks of its log: $said" ;;
esac
[ -f "$folder/home/logs" ] && [ ! -s "$folder/home/logs" ] || fail "it wrote a log all the same"
echo "with a file of that name: no log, and no word of it"
