#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Finds or installs what building and testing mite needs, and writes where it all is to
# .toolchain/env.mk, which the Makefile includes. Writes only inside .toolchain/ and, on Debian,
# through the system's package manager. Every part is made under a temporary name and renamed when
# it is whole, so the script can be stopped and called again at any time; a call with nothing left
# to do takes a moment.
#
# Emscripten, of the version in emsdk-version.txt, is taken from the first of these that has it:
#   1. emcc on PATH          2. $EMSDK
#   3. the official emsdk, fetched into .toolchain/emsdk
#   4. Debian's packages, unpacked into .toolchain/debian without installing them
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

root=$(cd "$(dirname "$0")/.." && pwd)
tc=$root/.toolchain
pin=$(tr -d '[:space:]' <"$root/emsdk-version.txt")
llvm=19                                  # what Emscripten 3.1.69 accepts and Debian 12 and 13 have
debian_suite=trixie                      # the Debian release that carries the pinned Emscripten
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
emsdk_repository=${EMSDK_REPOSITORY:-https://github.com/emscripten-core/emsdk.git}

say() { printf 'toolchain: %s\n' "$*"; }
die() { printf 'toolchain: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
on_debian() { have apt-get && grep -qx 'ID=debian' /etc/os-release 2>/dev/null; }

# within SECONDS COMMAND…: the command, ended after so long where `timeout` exists.
within() {
    local seconds=$1
    shift
    if have timeout; then timeout "$seconds" "$@"; else "$@"; fi
}

# --- Debian's own packages ------------------------------------------------------------------------

apt_get() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$tc/apt.log" 2>&1; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# debian_install PACKAGE…: those that are missing, from the system's package manager. The package
# lists are fetched where they are missing, or too old to be of use.
debian_install() {
    local missing=() package
    for package in "$@"; do installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || die "please run as root: apt-get install ${missing[*]}"
    say "installing from Debian: ${missing[*]}"
    apt_get install -y --no-install-recommends "${missing[@]}" && return 0
    apt_get update && apt_get install -y --no-install-recommends "${missing[@]}" ||
        die "apt-get could not install ${missing[*]}; see ${tc#"$root"/}/apt.log"
}

# --- Node: one to run the tools, 20 and 24 to test with ------------------------------------------

# node_new_enough COMMAND: whether it is a Node of version 20 or later.
node_new_enough() {
    local major
    major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge 20 ]
}

# tools/node/package-lock.json pins the versions and their hashes, which npm checks.
fetch_nodes() {
    cmp -s "$root/tools/node/package-lock.json" "$tc/node/package-lock.json" && return 0
    have npm || { on_debian && debian_install nodejs npm; } ||
        die 'npm was not found; please install Node 20 or later with npm'
    say 'fetching Node 20 and 24'
    local partial=$tc/node.partial
    rm -rf "$partial"
    mkdir -p "$partial"
    cp "$root"/tools/node/{package.json,package-lock.json,.npmrc} "$partial/"
    (cd "$partial" && npm ci --ignore-scripts --cache="$partial/cache" --loglevel=error </dev/null) ||
        die 'npm could not fetch Node; its message is above'
    rm -rf "$partial/cache"
    rm -rf "$tc/node"
    mv "$partial" "$tc/node"
}

find_nodes() {
    fetch_nodes
    local modules=$tc/node/node_modules arch
    arch=$(ls "$modules" | sed -n 's/^node24-//p')
    node20=$modules/node20-$arch/bin/node
    node24=$modules/node24-$arch/bin/node
    if [ -z "$arch" ]; then # not Linux, or a processor without such a package: the user's own
        node20=$(command -v node) node24=$node20
    fi
    if have node && node_new_enough node && have npm; then
        node=$(command -v node)
        npm=npm
    else
        node=$node24
        npm="$node24 $modules/npm/bin/npm-cli.js"
    fi
    node_new_enough "$node" && node_new_enough "$node24" ||
        die 'Node 20 or later was not found; please install it'
}

# --- Emscripten -----------------------------------------------------------------------------------

# emcc_is_pinned COMMAND: whether it runs and is of the pinned version.
emcc_is_pinned() {
    [ "$("$1" --version 2>/dev/null |
        awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+\.[0-9]+\.[0-9]+/) print $i }')" \
        = "$pin" ]
}

try_emsdk() {
    have git && have python3 || return 1
    say "trying the official emsdk $pin"
    local partial=$tc/emsdk.partial log=$tc/emsdk.log
    rm -rf "$partial"
    if ! GIT_TERMINAL_PROMPT=0 within 60 git -c http.lowSpeedLimit=1000 -c http.lowSpeedTime=10 \
        clone -q --depth 1 --branch "$pin" "$emsdk_repository" "$partial" >"$log" 2>&1 </dev/null ||
        ! within 1800 "$partial/emsdk" install "$pin" >>"$log" 2>&1 </dev/null ||
        ! "$partial/emsdk" activate "$pin" >>"$log" 2>&1 </dev/null; then
        say "the official emsdk is not to be had here ($(tail -n 1 "$log"))"
        rm -rf "$partial"
        return 1
    fi
    rm -rf "$tc/emsdk"
    mv "$partial" "$tc/emsdk"
}

# The addresses of the system's Debian archives, one a line, from its apt sources of both forms.
# Only addresses in use, for the system's own release, leaving out security and third parties' ones.
debian_archives() {
    local codename
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        awk -v codename="$codename" '
            $1 == "deb" {
                gsub(/\[[^]]*\]/, "")
                if ($3 == codename) print $2
            }'
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -f "$file" ] || continue
        awk -v codename="$codename" '
            function stanza(   n, list, i) {
                if (enabled && (" " suites " ") ~ (" " codename " ") && types ~ /deb( |$)/) {
                    n = split(uris, list, " ")
                    for (i = 1; i <= n; i++) print list[i]
                }
                uris = suites = types = field = ""
                enabled = 1
            }
            BEGIN { stanza() }
            /^#/ { next }
            /^[ \t]*$/ { stanza(); next }
            /^[^ \t]/ { field = tolower($0); sub(/:.*/, "", field); sub(/^[^:]*:/, "") }
            field == "uris" { uris = uris " " $0 }
            field == "suites" { suites = suites " " $0 }
            field == "types" { types = types " " $0 }
            field == "enabled" && tolower($0) ~ /no/ { enabled = 0 }
            END { stanza() }' "$file"
    done
}

# Downloads the packages of $debian_suite that make Emscripten run into the current folder, with a
# package list of its own beside it. apt checks signatures and hashes. The system sees none of it.
debian_download() {
    local archive=$1 lists=$2
    local options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$lists/parts"
        -o "Dir::State::lists=$lists/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
        -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any -o Acquire::Languages=none
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=2)
    local packages=(emscripten binaryen node-acorn libc6 libstdc++6 libgcc-s1)
    rm -rf "$lists"
    mkdir -p "$lists/parts" "$lists/lists/partial"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$archive" "$debian_suite" "$debian_keyring" >"$lists/parts/debian.sources"
    apt_get "${options[@]}" update || return 1
    case $(apt-cache "${options[@]}" policy emscripten 2>>"$tc/apt.log") in
    *"Candidate: $pin"[+-]*) ;;
    *) return 1 ;;
    esac
    apt_get "${options[@]}" download "${packages[@]/%//$debian_suite}"
}

unpack_debian() {
    [ -f "$tc/debian/whole" ] && return 0
    [ -f "$debian_keyring" ] || die "$debian_keyring is missing; please install debian-archive-keyring"
    local partial=$tc/debian.partial archive deb
    rm -rf "$partial"
    mkdir -p "$partial/debs"
    say "fetching Emscripten $pin from Debian $debian_suite (about 250 MB; unpacked 1.7 GB)"
    for archive in $(debian_archives) none; do
        [ "$archive" != none ] ||
            die "no Debian archive of this system carries Emscripten $pin; please install it and set \
EMSDK, or see ${tc#"$root"/}/apt.log"
        (cd "$partial/debs" && debian_download "$archive" "$partial/apt") && break
    done
    say 'unpacking it'
    for deb in "$partial"/debs/*.deb; do dpkg -x "$deb" "$partial"; done
    rm -rf "$partial/debs" "$partial/apt" "$partial/usr/share/emscripten/test"
    touch "$partial/whole"
    rm -rf "$tc/debian"
    mv "$partial" "$tc/debian"
}

# wrapper FILE LINE…: an executable shell script, put in place whole.
wrapper() {
    local file=$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$file.partial"
    chmod +x "$file.partial"
    mv "$file.partial" "$file"
}

# The unpacked programs want a newer C library than the system's, so each is started by the loader
# that was unpacked beside it.
use_debian() {
    unpack_debian
    local usr=$tc/debian/usr bin=$tc/binaryen/bin tool loader library
    loader=$(echo "$usr"/lib*/ld-linux-*.so.*)
    library=$(dirname "$(echo "$usr"/lib/*/libstdc++.so.6)")
    mkdir -p "$bin" "$tc/bin"
    [ -f "$loader" ] || loader=$(echo "$library"/ld-linux-*.so.*)
    for tool in "$usr"/bin/wasm* ; do
        wrapper "$bin/${tool##*/}" "exec '$loader' --library-path '$library' '$tool' \"\$@\""
    done
    mkdir -p "$usr/share/emscripten/node_modules"
    ln -sfn "$usr/share/nodejs/acorn" "$usr/share/emscripten/node_modules/acorn"
    cat >"$tc/emscripten.config" <<END
LLVM_ROOT = '/usr/lib/llvm-$llvm/bin'
BINARYEN_ROOT = '$tc/binaryen'
NODE_JS = '$node'
CACHE = '$usr/share/emscripten/cache'
END
    for tool in emcc em++ emar; do
        wrapper "$tc/bin/$tool" "EM_CONFIG='$tc/emscripten.config' \\" \
            "    exec python3 -E '$usr/share/emscripten/$tool.py' \"\$@\""
    done
    emcc=$tc/bin/emcc
}

find_emcc() {
    if have emcc && emcc_is_pinned emcc; then
        emcc=$(command -v emcc)
        say "using emcc $pin from PATH"
        return
    fi
    local sdk
    for sdk in "${EMSDK:-}" "$tc/emsdk"; do
        emcc=$sdk/upstream/emscripten/emcc
        if [ -n "$sdk" ] && [ -x "$emcc" ] && emcc_is_pinned "$emcc"; then
            say "using emcc $pin from $sdk"
            return
        fi
    done
    if [ ! -f "$tc/debian/whole" ] && try_emsdk && emcc_is_pinned "$emcc"; then
        say "using emcc $pin from the official emsdk"
        return
    fi
    on_debian || die "Emscripten $pin was not found; please install it with emsdk and set EMSDK"
    use_debian
    emcc_is_pinned "$emcc" || die "$emcc is not Emscripten $pin; please remove .toolchain and repeat"
    say "using emcc $pin from Debian's packages"
}

# The proof that the pieces fit together: a module with relaxed SIMD, built and run.
prove_emcc() {
    local dir=$tc/proof
    mkdir -p "$dir"
    cat >"$dir/proof.c" <<'END'
#include <wasm_simd128.h>
__attribute__((export_name("proof"))) float proof(float x) {
    return wasm_f32x4_extract_lane(
        wasm_f32x4_relaxed_madd(wasm_f32x4_splat(x), wasm_f32x4_splat(2), wasm_f32x4_splat(1)), 3);
}
END
    "$emcc" -O2 -mrelaxed-simd -sSTANDALONE_WASM --no-entry "$dir/proof.c" -o "$dir/proof.wasm" \
        >"$tc/emcc.log" 2>&1 &&
        "$node24" -e '
            const bytes = require("fs").readFileSync(process.argv[1]);
            WebAssembly.instantiate(bytes, {}).then(({ instance }) => {
                process.exitCode = instance.exports.proof(20.5) === 42 ? 0 : 1;
            });' "$dir/proof.wasm" ||
        die "$emcc does not build a module that runs (see ${tc#"$root"/}/emcc.log); please remove \
.toolchain and repeat"
    rm -rf "$dir"
}

# --- The native compiler and the headers of stb_image and SIMDe ----------------------------------

find_native() {
    if on_debian; then
        debian_install clang-$llvm lld-$llvm llvm-$llvm libclang-rt-$llvm-dev \
            clang-tidy-$llvm clang-format-$llvm libstb-dev libsimde-dev
        have python3 || debian_install python3
    fi
    clang=$(command -v clang-$llvm || command -v clang) ||
        die "clang was not found; please install clang $llvm with its sanitizers"
    clang_tidy=$(command -v clang-tidy-$llvm || command -v clang-tidy || true)
    clang_format=$(command -v clang-format-$llvm || command -v clang-format || true)
    stb_dir=$(find_header stb_image.h "${STB_DIR:-}" /usr/include/stb /usr/local/include/stb) ||
        die 'stb_image.h was not found; please set STB_DIR to the folder that holds it'
    simde_dir=$(find_header simde/wasm/simd128.h "${SIMDE_DIR:-}" /usr/include /usr/local/include) ||
        die 'simde/wasm/simd128.h was not found; please set SIMDE_DIR to the folder above simde'
}

# find_header NAME FOLDER…: the first of the folders that holds it.
find_header() {
    local name=$1 folder
    shift
    for folder in "$@"; do
        if [ -n "$folder" ] && [ -f "$folder/$name" ]; then
            printf '%s\n' "$folder"
            return 0
        fi
    done
    return 1
}

# --- All of it ------------------------------------------------------------------------------------

# What env.mk was made from and for: it is out of date when any of it changes.
key() {
    cat "$root/emsdk-version.txt" "$root/tools/toolchain.sh" "$root/tools/node/package-lock.json" |
        cksum | tr ' ' '-'
    printf '%s %s %s' "$root" "${EMSDK:-}" "${STB_DIR:-}"
}

up_to_date() {
    local name value
    [ -f "$tc/env.mk" ] && [ "$(sed -n 's/^# key: //p' "$tc/env.mk")" = "$1" ] || return 1
    while IFS='= ' read -r name value; do
        case $name in
        EMCC | CLANG | NODE | NODE20 | NODE24 | STB_DIR | SIMDE_DIR) [ -e "$value" ] || return 1 ;;
        esac
    done < <(sed 's/ *:= */=/' "$tc/env.mk")
}

write_env() {
    cat >"$tc/env.mk.partial" <<END
# Written by tools/toolchain.sh
# key: $1
EMCC := $emcc
CLANG := $clang
CLANG_TIDY := $clang_tidy
CLANG_FORMAT := $clang_format
NODE := $node
NODE20 := $node20
NODE24 := $node24
NPM := $npm
STB_DIR := $stb_dir
SIMDE_DIR := $simde_dir
END
    mv "$tc/env.mk.partial" "$tc/env.mk"
}

main() {
    local key
    key=$(key | tr '\n' ' ')
    up_to_date "$key" && return 0
    mkdir -p "$tc"
    if have flock; then # two calls at once: the second waits and then finds all of it there
        exec 9>"$tc/lock"
        flock 9
        up_to_date "$key" && return 0
    fi
    find_nodes
    find_native
    find_emcc
    prove_emcc
    write_env "$key"
    say 'ready'
}

main
