#!/usr/bin/env bash
# Installs what a fresh Debian or Ubuntu machine with Rust and Node lacks to build and test Kangmai. Does nothing, quickly, when
# everything is there.
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }

missing=()
need() { # need PACKAGE TEST…: the package, and a test that says whether it is there
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

has_libclang() { compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null || ldconfig -p | grep -q libclang; }
has_chromium() { has chromium || has chromium-browser || [[ -n ${CHROMIUM:-} ]]; }
has_chinese_font() { compgen -G '/usr/share/fonts/opentype/noto/NotoSansCJK*' >/dev/null; }
has_venv() { python3 -c 'import venv, ensurepip'; }

need build-essential has c++
need clang has clang
need libclang-dev has_libclang
need ccache has ccache
need zstd has zstd
need pkg-config has pkg-config
need python3 has python3
need python3-venv has_venv
need chromium has_chromium
need fonts-noto-cjk has_chinese_font
need bsdextrautils has column

if ((${#missing[@]})); then
    has apt-get || { echo "error: install these by hand: ${missing[*]}" >&2; exit 1; }
    echo "installing: ${missing[*]}" >&2
    as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        has sudo || { echo "error: not root and no sudo; install by hand: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

export PATH="$HOME/.cargo/bin:$PATH"
has cargo || { echo "error: Rust is missing; https://rustup.rs installs it" >&2; exit 1; }
has node && has npm || { echo "error: Node.js 20.19 or newer is missing" >&2; exit 1; }
node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
    { echo "error: Node.js $(node --version) is too old; 20.19 or newer is needed" >&2; exit 1; }
