#!/usr/bin/env bash
# Consul 1.22.6: one of three servers is cut off from the others for nine seconds, then the way is free again.
#
# Expected: as soon as that server follows the Raft leader again, it passes on what only the leader may answer.
# Seen: Raft is back after 1 to 2 s, /v1/status/leader names the leader, and a consistent read is answered with status 500, "Raft
# leader not found in server lookup mapping", for some 3 s more in most rounds; up to 15 s where gossip had given up in both
# directions, for it speaks to the dead only when it tries to reconnect. PUT /v1/agent/join/ADDRESS of the leader ends that at
# once, as in the last round.
# Where two real things meet: Raft and Serf have their own view each of who is there, and forwarding needs both.
# Fails when that changes. Needs Go (or CONSUL, the path of a consul 1.22.6), curl, iproute2 and user namespaces; builds for some minutes.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
if [ -z "${CONSUL:-}" ]; then
  mkdir build
  (cd build && go mod init finding && go get github.com/hashicorp/consul@v1.22.6)
  (cd build && go build -trimpath -ldflags '-s -w' -o ../consul github.com/hashicorp/consul)
  CONSUL=$folder/consul
fi
[[ $("$CONSUL" version) == *v1.22.6* ]]
cat >hosts.sh <<'SH'
set -eu
mount -t tmpfs none /run
ip link add bridge type bridge && ip link set bridge up
for n in 1 2 3; do
  ip netns add "h$n"
  ip link add "v$n" type veth peer name eth0 netns "h$n" && ip link set "v$n" master bridge up
  ip -n "h$n" addr add "10.9.9.$n/24" dev eth0 && ip -n "h$n" link set eth0 up && ip -n "h$n" link set lo up
  ip netns exec "h$n" "$CONSUL" agent -server -bootstrap-expect 3 -node "s$n" -bind "10.9.9.$n" -data-dir "data$n" \
    -retry-join 10.9.9.1 -retry-join 10.9.9.2 -retry-join 10.9.9.3 \
    -hcl 'performance { raft_multiplier = 1 } disable_update_check = true' >"log$n" 2>&1 &
done
trap 'kill $(jobs -p); wait' EXIT
ask() { ip netns exec "h$1" curl -s -m 2 -X "${3:-GET}" "http://127.0.0.1:8500/v1/$2" || true; }
now() { date +%s%3N; }
until [[ $(ask 1 status/leader) == *:* ]]; do sleep 0.3; done
sleep 12
told=0
for round in 1 2 3 4 5 6; do
  until leader=$(ask 1 status/leader) && [[ $leader == *:* ]]; do sleep 0.3; done
  leader=${leader%:*} leader=${leader##*.}
  cut=$((leader % 3 + 1))
  ip link set "v$cut" nomaster
  sleep 9
  ip link set "v$cut" master bridge
  start=$(now) raft='' read='' untracked=0
  while [ -z "$read" ] && [ $(($(now) - start)) -lt 60000 ]; do
    [ -n "$raft" ] || [[ $(ask "$cut" status/leader) != *:* ]] || raft=$(($(now) - start))
    answer=$(ask "$cut" 'kv/none?consistent&keys')
    case $answer in
    *'Raft leader not found in server lookup mapping'*)
      untracked=$((untracked + 1))
      [ "$round" -lt 6 ] || [ -z "$raft" ] || ask "$cut" "agent/join/10.9.9.$leader" PUT
      ;;
    *eader* | *'rpc error'* | *'broken pipe'*) ;;
    *) [ -z "$raft" ] || read=$(($(now) - start)) ;;
    esac
    sleep 0.1
  done
  echo "round $round: a leader after $raft ms, a consistent answer after $read ms, 'not found in server lookup mapping' $untracked times"
  [ "$round" -eq 6 ] || [ "$untracked" -lt 4 ] || told=$((told + 1))
  [ "$round" -lt 6 ] || [ "$untracked" -lt 4 ] || exit 1
  sleep 15
done
[ "$told" -ge 1 ] && echo seen
SH
CONSUL=$CONSUL unshare --map-root-user --net --mount bash hosts.sh | tee said || true
grep -qx seen said || { echo "it changed" >&2; exit 1; }
