#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Finds the three browser engines that the page is tested in, installs from Debian those that are
# missing, and writes to .toolchain/browsers.json where they are, or why one is not: tests skip what
# has no path and give the reason.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

root=$(cd "$(dirname "$0")/.." && pwd)
tc=$root/.toolchain
mkdir -p "$tc"

have() { command -v "$1" >/dev/null 2>&1; }
apt_get() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$tc/apt.log" 2>&1; }

# first_file PATH…: the first that exists.
first_file() {
    local file
    for file in "$@"; do
        if [ -x "$file" ]; then
            printf '%s' "$file"
            return
        fi
    done
}

find_browsers() {
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
    firefox=$(command -v firefox-esr || command -v firefox || true)
    webkit=$(first_file /usr/lib/*/webkit2gtk-4.1/MiniBrowser /usr/lib/*/webkit2gtk-4.0/MiniBrowser)
    webkit_driver=$(command -v WebKitWebDriver || true)
    xvfb=$(command -v Xvfb || true)
}

# Sets $reason to why nothing was installed; empty where all went well.
install_missing() {
    local packages=()
    [ -n "$chromium" ] || packages+=(chromium)
    [ -n "$firefox" ] || packages+=(firefox-esr)
    [ -n "$webkit" ] && [ -n "$webkit_driver" ] || packages+=(webkit2gtk-driver)
    [ -n "$xvfb" ] || packages+=(xvfb)
    reason=
    [ ${#packages[@]} -gt 0 ] || return 0
    if ! have apt-get || ! grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
        reason='not installed, and this system is not Debian'
    elif [ "$(id -u)" != 0 ]; then
        reason="not installed; as root: apt-get install ${packages[*]}"
    else
        echo "browsers: installing from Debian: ${packages[*]}"
        apt_get install -y --no-install-recommends "${packages[@]}" ||
            { apt_get update && apt_get install -y --no-install-recommends "${packages[@]}"; } ||
            reason='apt-get could not install it; see .toolchain/apt.log'
        find_browsers
    fi
}

# json VALUE: a string, or null where it is empty.
json() { if [ -n "$1" ]; then printf '"%s"' "${1//\"/\\\"}"; else printf null; fi; }

# entry NAME PATH [MORE]: one browser's line of browsers.json; a missing one is told on the terminal.
entry() {
    local why=
    if [ -z "$2" ]; then
        why=$reason
        echo "browsers: $1 is skipped: $why" >&2
    fi
    printf '  "%s": { "path": %s, "reason": %s%s }' "$1" "$(json "$2")" "$(json "$why")" "${3:-}"
}

find_browsers
install_missing
[ -n "$webkit_driver" ] && [ -n "$xvfb" ] || webkit=
{
    printf '{\n'
    entry chromium "$chromium"
    printf ',\n'
    entry firefox "$firefox"
    printf ',\n'
    entry webkit "$webkit" ", \"driver\": $(json "$webkit_driver"), \"xvfb\": $(json "$xvfb")"
    printf '\n}\n'
} >"$tc/browsers.json.partial"
mv "$tc/browsers.json.partial" "$tc/browsers.json"
