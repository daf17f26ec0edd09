# What samples/demo and test/run share: install what is missing, configure, build. Sourced by bash, from any folder.
# Everything is quiet when it goes well; a failing step shows its log and ends the script.

vigil_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
vigil_jobs=$(nproc 2>/dev/null || echo 2)

# What was compiled in one build folder need not be compiled again in another: sources are named by absolute paths.
export CCACHE_NOHASHDIR=1
# Nor what was compiled with precompiled headers: of them, ccache wants to be told that their contents are enough to know.
export CCACHE_SLOPPINESS=pch_defines,time_macros

vigil_fail() {
  printf 'vigil: %s\n' "$1" >&2
  exit 1
}

# vigil_say <words>: one line of progress, on stderr so that stdout holds results only.
vigil_say() { printf '== %s\n' "$1" >&2; }

# vigil_missing_packages [list...]: prints those of packages.txt and the further lists that are not installed.
vigil_missing_packages() {
  local package
  while read -r package _; do
    case "$package" in '' | '#'*) continue ;; esac
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
  done < <(cat "$vigil_root/packages.txt" "$@")
}

# vigil_demand_tools: where packages.txt means nothing (not Debian), or a PATH hides them: one line names what is missing.
vigil_demand_tools() {
  local tool missing=()
  for tool in cmake ninja c++; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} = 0 ] || vigil_fail "not found in PATH: ${missing[*]}; install what $vigil_root/packages.txt lists"
}

# vigil_install_packages [list...]: installs what packages.txt and the further lists name and the system lacks. Without
# root, sudo or network it ends the script with one line that says what is missing and how to get it.
vigil_install_packages() {
  local missing by_hand log as_root=()
  command -v dpkg-query >/dev/null || return 0 # not Debian: vigil_demand_tools and CMake say what they cannot find
  missing=$(vigil_missing_packages "$@" | tr '\n' ' ')
  missing=${missing% }
  [ -n "$missing" ] || return 0
  by_hand="sudo apt-get install -y --no-install-recommends $missing"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || vigil_fail "missing packages, and neither root nor sudo to install them; as root run: ${by_hand#sudo }"
    if ! sudo -n true 2>/dev/null && ! [ -t 0 ]; then
      vigil_fail "missing packages, and sudo asks for a password; run: $by_hand"
    fi
    as_root=(sudo)
  fi
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  vigil_say "installing: $missing"
  log=$(mktemp)
  # The package lists of a fresh machine are empty or old: fetch them only when the install fails without.
  # shellcheck disable=SC2086  # the list is meant to be split
  if ! "${as_root[@]}" apt-get install -y --no-install-recommends $missing >"$log" 2>&1 &&
    ! { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    rm -f "$log"
    vigil_fail "could not install packages (no network?); missing: $missing; run: $by_hand"
  fi
  rm -f "$log"
}

# vigil_logged <log> <command...>: runs it silently; when it fails, shows the log's end and ends the script.
vigil_logged() {
  local log=$1 status
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return 0
  status=$?
  tail -n 60 "$log" >&2
  vigil_fail "failed with status $status: $* (all of it: $log)"
}

# vigil_configure <preset> <folder> [option...]: when nothing is configured there yet, or the presets changed.
vigil_configure() {
  local preset=$1 folder=$2
  shift 2
  vigil_demand_tools
  if ! [ -f "$folder/build.ninja" ] || [ "$vigil_root/CMakePresets.json" -nt "$folder/build.ninja" ]; then
    (cd "$vigil_root" && vigil_logged "$folder/configure.log" cmake --preset "$preset" -B "$folder" "$@")
  fi || exit 1
}

# vigil_build <preset> [target...]: configures where needed, then builds.
# Ninja itself does the rest: nothing that is up to date is built again, and changed CMake files configure again.
# From nothing, sources are compiled some at a time; who configured the folder for himself, keeps what he chose.
vigil_build() {
  local preset=$1 folder=$vigil_root/build/$1 started=$SECONDS options=()
  shift
  [ -f "$folder/build.ninja" ] || options=(-DVIGIL_UNITY_BUILD=ON)
  vigil_configure "$preset" "$folder" ${options[@]+"${options[@]}"}
  vigil_logged "$folder/build.log" cmake --build "$folder" -j "$vigil_jobs" ${1:+--target "$@"}
  vigil_say "built $preset ($((SECONDS - started)) s)"
}
