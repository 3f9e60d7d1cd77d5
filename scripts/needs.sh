#!/bin/sh
# Makes sure that commands and headers exist, and installs what a fresh machine
# lacks: needs.sh cc git venv +Xvfb /usr/include/zlib.h ...
# A plus marks what is done without where there is no apt-get: on macOS.
set -eu

package() {
	case $1 in
	cc) echo gcc libc6-dev ;;  # the race detector links with cgo
	Xvfb) echo xvfb ;;         # the display of the desktop's tests
	vi) echo vim-tiny ;;       # opened in a test of fakeagent shell
	venv) echo python3-venv ;; # the packages of the agent in Python
	*/XTest.h) echo libx11-dev libxtst-dev ;; # the native desktop links with them
	*) echo "$1" ;;
	esac
}

has() {
	case $1 in
	venv) python3 -c 'import ensurepip, venv' ;; # which Debian leaves out
	/*) [ -e "$1" ] ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}

apt=false
has apt-get && apt=true

missing=
for name in "$@"; do
	command=${name#+}
	has "$command" && continue
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
