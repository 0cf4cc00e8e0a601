#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes this checkout ready to run on a fresh Debian machine: Debian packages, virtual environment,
# Python packages, native modules. Idempotent: what is up to date is left alone, and when nothing
# changed since the last run it ends at once.
#
# PYTHON=/path/to/python3 chooses the interpreter of a new virtual environment.
# Exit code 3: the machine lacks something that this script may not install; it says what.

set -eu
. "$(dirname "$0")/common.sh"

# To build and run.
PACKAGES="build-essential python3-dev python3-venv pkg-config clang-format
    libportaudio2 jackd2 ladspa-sdk lv2-dev"
# What the demo, the tests and the benchmarks play.
PACKAGES="$PACKAGES zam-plugins mda-lv2 swh-lv2 swh-plugins x42-plugins dpf-plugins-lv2
    lsp-plugins-lv2 synthv1-lv2"
# What Qt loads to show a window, or to draw one that nobody sees, and the window's typefaces.
PACKAGES="$PACKAGES libegl1 libgl1 libdbus-1-3 libfontconfig1 libgssapi-krb5-2 libx11-xcb1
    libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
    libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 libxcb-xkb1
    fonts-inter fonts-jetbrains-mono"
# Where the editors of plugins are opened, and nobody sees it.
PACKAGES="$PACKAGES xvfb"
# A desktop for the tests of the window: a window manager, a mouse, and what screen readers ask.
PACKAGES="$PACKAGES openbox libxtst6 at-spi2-core dbus-daemon"
# Of which the tests start a server of their own, for a catalogue that machines share.
PACKAGES="$PACKAGES postgresql"
# Only where python-rtmidi has no wheel for this Python and is compiled.
RTMIDI_PACKAGES="libjack-jackd2-dev libasound2-dev"

hash_of() { sha256sum | cut -d ' ' -f 1; }

# Names those of the given Debian packages that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
            printf '%s ' "$package"
    done
}

install_packages() { # PACKAGES...
    command -v dpkg-query >/dev/null || {
        say "not a Debian machine: please see to the counterparts of these packages yourself:"
        say "$*"
        return
    }
    local missing as_root
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0

    if [ "$(id -u)" = 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root="sudo"
    else
        printf 'error: Debian packages are missing and this user may not install them. Run:\n' >&2
        printf 'apt-get install --no-install-recommends %s\n' "${missing% }" >&2
        exit "$EXIT_MACHINE"
    fi

    say "installing Debian packages: ${missing% }"
    local apt="env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300"
    # jackd2 asks whether to change the machine's real-time limits; that is its owner's decision.
    case " $missing" in *" jackd2 "*)
        echo "jackd2 jackd/tweak_rt_limits boolean false" | $as_root debconf-set-selections ;;
    esac
    local had_servers
    had_servers=$(ls /etc/postgresql 2>/dev/null) || true
    # shellcheck disable=SC2086 # lists of words
    { $as_root $apt update && $as_root $apt install --no-install-recommends $missing; } </dev/null ||
        fail "$EXIT_MACHINE" "apt-get failed (see above). Once the cause is mended, run:" \
            "apt-get install --no-install-recommends ${missing% }"
    case " $missing" in *" postgresql "*) [ -n "$had_servers" ] || keep_server_off "$as_root" ;; esac
}

# Debian makes a PostgreSQL server when it installs the package, and starts it. Nobody asked for that.
keep_server_off() { # SUDO
    local version name
    for name in /etc/postgresql/*/*; do
        [ -d "$name" ] || continue
        version=$(basename "$(dirname "$name")")
        $1 pg_ctlcluster "$version" "$(basename "$name")" stop 2>/dev/null || true
        echo manual | $1 tee "$name/start.conf" >/dev/null || true
    done
}

# Prints the interpreter for a new virtual environment.
find_python() {
    local python
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    fail "$EXIT_MACHINE" "no Python 3.11 or newer with venv (tried ${PYTHON:-python3}," \
        "which is $(${PYTHON:-python3} -V 2>&1)); set PYTHON=/path/to/python3"
}

check_compiler() {
    echo '#include <semaphore>
          template <typename T> concept Any = true;' |
        "${CXX:-c++}" -std=c++20 -fsyntax-only -x c++ - 2>/dev/null ||
        fail "$EXIT_MACHINE" "'${CXX:-c++}' does not compile C++20; install g++ 11 or newer," \
            "or set CXX to a compiler that does"
}

# Everything that decides what `pip` would install.
python_key() {
    { cat pyproject.toml && "$VENV/bin/python" -c 'import sys; print(sys.version, sys.prefix)'; } |
        hash_of
}

set_up_python() {
    if ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        local python
        python=$(find_python)
        say "making .venv with $python ($("$python" -V))"
        rm -rf "$VENV"
        "$python" -m venv "$VENV"
    fi
    "$VENV/bin/python" -c 'import sys, sysconfig, os
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
        fail "$EXIT_MACHINE" "the C headers of $("$VENV/bin/python" -V) are missing (Python.h);" \
            "install its -dev package"

    [ "$(cat "$STATE/python" 2>/dev/null)" != "$(python_key)" ] || return 0
    local pip="$VENV/bin/python -m pip --disable-pip-version-check"
    if ! "$VENV/bin/python" -c 'import rtmidi' 2>/dev/null; then
        say "installing python-rtmidi"
        # shellcheck disable=SC2086 # a command and its words
        $pip install --only-binary python-rtmidi python-rtmidi ||
            install_packages $RTMIDI_PACKAGES
    fi
    say "installing Python packages (the first time some 400 MB)"
    # Without isolation, so that the build uses the packages that `make native` uses.
    "$VENV/bin/python" -c 'import tomllib
with open("pyproject.toml", "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")' >"$STATE/build-requires.txt"
    # shellcheck disable=SC2086
    $pip install -r "$STATE/build-requires.txt"
    # shellcheck disable=SC2086
    $pip install --no-build-isolation -e ".[dev]"
    python_key >"$STATE/python"
}

# Everything that decides what a full set-up would do ...
sources_key() {
    {
        cat pyproject.toml CMakeLists.txt tools/setup/*.sh
        find ipc sandbox host -path '*/native/*' -type f | LC_ALL=C sort | xargs sha256sum
    } | hash_of
}

# ... and what it leaves behind.
products_key() {
    { ls -l "$VENV/bin/python" && find ipc sandbox host -name '*.so' | LC_ALL=C sort; } \
        2>/dev/null | hash_of
}

set_up() {
    local sources
    # Taken before the work: a source that is edited meanwhile makes the next run build again.
    sources=$(sources_key)
    [ "$(cat "$STATE/stamp" 2>/dev/null)" != "$sources $(products_key)" ] || return 0
    # shellcheck disable=SC2086
    install_packages $PACKAGES
    check_compiler
    set_up_python
    say "building the native modules"
    tools/setup/native.sh modules
    echo "$sources $(products_key)" >"$STATE/stamp"
    say "ready"
}

cd "$ROOT"
locked setup set_up
