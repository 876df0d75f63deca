#!/bin/sh
# Makes node_modules match package-lock.json, so that everything after it runs on the Node that is in there.
# At once when nothing changed. Runs on any POSIX shell and any npm; an interrupted run is simply repeated.
set -eu
cd "$(dirname "$0")/.."

stamp=node_modules/.holdfast-package-lock.json
log=.localnet/npm-ci.log
lock=.localnet/bootstrap.lock

is_current() { cmp -s package-lock.json "$stamp" && [ -x node_modules/.bin/node ]; }

if is_current; then exit 0; fi
mkdir -p .localnet

# One run at a time. A lock whose owner is gone does not count.
until (set -C; echo $$ > "$lock") 2> /dev/null; do
  owner=$(cat "$lock" 2> /dev/null || true)
  if [ -n "$owner" ] && ! kill -0 "$owner" 2> /dev/null; then rm -f "$lock"; else sleep 1; fi
done
trap 'rm -f "$lock"' EXIT
trap 'exit 130' INT TERM

# Packages that somebody installed by hand from this very package-lock.json are good as they are.
if [ -x node_modules/.bin/node ] &&
  [ -n "$(find node_modules/.package-lock.json -newer package-lock.json 2> /dev/null)" ]; then
  cp package-lock.json "$stamp"
fi
if is_current; then exit 0; fi

if ! command -v npm > /dev/null; then
  echo "holdfast: npm is not installed. Install Node.js 20 or later with npm (https://nodejs.org)." >&2
  exit 1
fi
echo "holdfast: installing the npm packages of package-lock.json, about half a minute (log: $log)" >&2
started=$(date +%s)
# No install scripts: one of them would try to download a Pulumi plugin. Engine warnings are about the npm that
# starts us, and nothing runs on that one's Node.
if ! npm ci --ignore-scripts --no-audit --no-fund > "$log" 2>&1; then
  tail -n 15 "$log" >&2
  echo "holdfast: npm ci failed; the whole log is in $log. Run the same command again when that is solved." >&2
  exit 1
fi
if ! node_modules/.bin/node -e 0 2> /dev/null; then
  echo "holdfast: there is no Node package for $(uname -s) $(uname -m); holdfast runs on Linux, x86_64 or aarch64." >&2
  exit 1
fi
cp package-lock.json "$stamp"
echo "holdfast: npm packages installed in $(($(date +%s) - started)) s" >&2
