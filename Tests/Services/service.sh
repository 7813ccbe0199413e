# Owns what the services' scripts share: packages from Debian, free ports, and that whatever was started ends. Sourced.
#
# Each script runs one real service for tests, on loopback ports that were free, with all its files in one folder:
#
#     Tests/Services/nginx /tmp/trial
#
# Without a folder it makes one, and removes it in the end.
# It prints what a client needs as NAME=value lines, then `ready`, and stays until its standard input closes, so that a
# test that dies takes it along; by hand, Ctrl-D or Ctrl-C ends it. Where the service can't be had here, it says why on
# standard error and exits with 75 (sysexits' EX_TEMPFAIL): skip what needs it.

# Whatever else this was started with, such as another test's pipes, would stay open for as long as it runs. 255 is the
# script itself.
for descriptor in /proc/$$/fd/*; do
  descriptor=${descriptor##*/}
  if [ "$descriptor" -gt 2 ] && [ "$descriptor" -ne 255 ]; then eval "exec $descriptor>&-"; fi
done

set -euo pipefail

name=$(basename "$0")

skip() {
  echo "$name: skipped: $1" >&2
  exit 75
}

# needs PROGRAM PACKAGE…: installs Debian packages unless the program is there. Their own services stay off.
needs() {
  local program=$1
  shift
  PATH=$PATH:/usr/sbin:/sbin
  command -v "$program" >/dev/null && return
  command -v apt-get >/dev/null || skip "no $program, and this is no Debian"
  [ "$(id -u)" -eq 0 ] || skip "no $program; as root: apt-get install --no-install-recommends $*"
  local policy=/usr/sbin/policy-rc.d
  if [ -e $policy ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy; fi
  local log status=0
  log=$(mktemp)
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  "${apt[@]}" install -y --no-install-recommends "$@" >"$log" 2>&1 ||
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } >"$log" 2>&1 || status=$?
  [ -z "$policy" ] || rm -f "$policy"
  local last
  last=$(tail -n 1 "$log")
  rm -f "$log"
  [ $status -eq 0 ] || skip "apt-get can't install $*: $last"
}

# free_port: one below the range that clients get theirs from, and that nobody listens on.
free_port() {
  local port
  while :; do
    port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

started=()
own=

# start LOG COMMAND…: runs it beside this script, and has it end with this script whatever becomes of that.
start() {
  local log=$1
  shift
  setpriv --pdeathsig TERM -- "$@" </dev/null >"$log" 2>&1 &
  started+=($!)
}

finish() {
  trap - EXIT INT TERM HUP
  if [ ${#started[@]} -gt 0 ]; then stop; fi
  [ -z "$own" ] || rm -rf "$own"
}

stop() {
  kill -TERM "${started[@]}" 2>/dev/null || true
  # After three seconds they aren't asked any more.
  { sleep 3 && kill -KILL "${started[@]}"; } >/dev/null 2>&1 &
  wait "${started[@]}" 2>/dev/null || true
  kill $! 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# answers COMMAND…: waits until the command succeeds, while what was started runs; fails after 20 seconds.
answers() {
  local pid
  for _ in $(seq 400); do
    "$@" >/dev/null 2>&1 && return 0
    for pid in "${started[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done
    sleep 0.05
  done
  return 1
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# serve NAME=value…: says that all is well, and stays until nobody wants it any more.
serve() {
  printf '%s\n' "$@" ready
  while read -r _; do :; done
}

# give_up LOG…: another program took the port meanwhile, or the configuration is wrong.
give_up() {
  echo "$name: it doesn't start:" >&2
  tail -n 5 "$@" >&2
  exit 1
}

[ $# -le 1 ] || { echo "usage: $0 [FOLDER]    (until standard input closes)" >&2; exit 2; }
if [ $# -eq 0 ]; then own=$(mktemp -d -t "bobbin-$name.XXXXXX"); else mkdir -p "$1"; fi
folder=$(realpath "${1:-$own}")
