#!/bin/sh
# Makes sure that commands exist, and installs what a fresh machine lacks:
# needs.sh cc git ...
set -eu

package() {
	case $1 in
	cc) echo gcc libc6-dev ;; # the race detector links with cgo
	Xvfb) echo xvfb ;;
	vi) echo vim-tiny ;; # opened in a test of fakeagent shell
	*) echo "$1" ;;
	esac
}

missing=
for command in "$@"; do
	command -v "$command" >/dev/null 2>&1 || missing="$missing $(package "$command")"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "please install:$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "installing:$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends $missing >/dev/null
