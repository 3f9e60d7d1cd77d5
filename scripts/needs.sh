#!/bin/sh
# Makes sure that commands exist, and installs what a fresh machine lacks:
# needs.sh cc git +Xvfb ...
# A plus marks what is done without where there is no apt-get: on macOS.
set -eu

package() {
	case $1 in
	cc) echo gcc libc6-dev ;; # the race detector links with cgo
	Xvfb) echo xvfb ;;        # the display of the desktop's tests
	vi) echo vim-tiny ;;      # opened in a test of fakeagent shell
	*) echo "$1" ;;
	esac
}

apt=false
command -v apt-get >/dev/null 2>&1 && apt=true

missing=
for name in "$@"; do
	command=${name#+}
	command -v "$command" >/dev/null 2>&1 && continue
	if $apt || [ "$command" = "$name" ]; then
		missing="$missing $(package "$command")"
	fi
done
[ -n "$missing" ] || exit 0

if ! $apt; then
	echo "please install:$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
echo "installing:$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
