#!/bin/sh
# Certifies the bundled agent for a user whose settings spoil whatever listens to
# them: git, shells, locale, time zone, file modes and the order of PATH.
# hostile.sh OUT
set -eu
out=$1
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

mkdir -p "$home/hooks" "$home/bin" "$home/template/hooks" "$home/.config/git" "$home/.config/fish"
cat >"$home/spoil" <<'SPOIL'
echo "the user's settings were read"
echo "the user's settings were read" >&2
cd /
exit 97
SPOIL
for rc in .bashrc .bash_profile .bash_login .bash_logout .profile .zshenv .zshrc .zprofile .zlogin .kshrc .mkshrc .shrc .login .cshrc .config/fish/config.fish; do
	cp "$home/spoil" "$home/$rc"
done
printf 'set editing-mode vi\n"x": "y"\n' >"$home/.inputrc"
printf '#!/bin/sh\nexit 97\n' >"$home/hooks/pre-commit"
chmod +x "$home/hooks/pre-commit"
for hook in commit-msg prepare-commit-msg post-checkout post-commit post-index-change pre-push reference-transaction; do
	cp "$home/hooks/pre-commit" "$home/hooks/$hook"
done
cp "$home/hooks/pre-commit" "$home/template/hooks/pre-commit"
# Programs that are found first and are not what their names say; git itself and
# what starts the agent are the user's own choice.
for name in awk basename cat chmod cp cut date dirname env expr false find grep head id kill ln ls mkdir mv \
	nohup od printenv printf ps pwd rm sed seq sleep sort stat stty tail tee test touch tput tr true tty uname wc which xargs yes; do
	cp "$home/hooks/pre-commit" "$home/bin/$name"
done
printf '*\n' >"$home/.config/git/ignore"
printf '* -diff -merge -text eol=crlf filter=spoil\n' >"$home/.config/git/attributes"
cat >"$home/.gitconfig" <<'CONFIG'
[core]
	autocrlf = true
	fileMode = false
	fsmonitor = false
	quotePath = false
	editor = false
	pager = false
	abbrev = 4
	excludesFile = ~/.config/git/ignore
	attributesFile = ~/.config/git/attributes
	precomposeUnicode = false
	symlinks = false
[user]
	useConfigOnly = true
[commit]
	gpgSign = true
	template = /nonexistent
	cleanup = verbatim
	status = false
[tag]
	gpgSign = true
[push]
	gpgSign = true
	default = nothing
	followTags = true
[pull]
	rebase = interactive
	ff = only
[merge]
	ff = only
	conflictStyle = diff3
	stat = false
[protocol]
	allow = never
[protocol "file"]
	allow = never
[url "https://spoiled.invalid/"]
	insteadOf = /
	pushInsteadOf = /
[status]
	short = true
	branch = false
	showUntrackedFiles = no
	relativePaths = false
	renames = false
	aheadBehind = false
[diff]
	external = false
	noprefix = true
	mnemonicPrefix = true
	renames = false
	algorithm = patience
	colorMoved = zebra
[color]
	ui = always
[log]
	decorate = full
	date = raw
	showSignature = true
	follow = true
[format]
	pretty = raw
[branch]
	autoSetupMerge = false
[init]
	defaultBranch = spoiled
	templateDir = ~/template
[i18n]
	commitEncoding = ISO-8859-1
	logOutputEncoding = ISO-8859-1
[safe]
	bareRepository = explicit
[submodule]
	recurse = true
[transfer]
	fsckObjects = true
[credential]
	helper = !false
[gpg]
	program = false
[advice]
	detachedHead = true
CONFIG
sed 's,~/,'"$home"'/,' "$home/.gitconfig" >"$home/gitconfig.system"
printf '[core]\n\thooksPath = %s/hooks\n' "$home" >>"$home/.gitconfig"

umask 077
# What the program itself needs of the real home is built already.
HOME=$home XDG_CONFIG_HOME=$home/.config XDG_RUNTIME_DIR=/nonexistent ZDOTDIR=$home \
	GIT_CONFIG_SYSTEM=$home/gitconfig.system GIT_DIR=/nonexistent GIT_INDEX_FILE=/nonexistent GIT_PAGER=false GIT_EDITOR=false \
	GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=status.short GIT_CONFIG_VALUE_0=true GIT_EXTERNAL_DIFF=false GIT_LITERAL_PATHSPECS=1 \
	BASH_ENV=$home/spoil ENV=$home/spoil SHELL=/bin/false SHELLOPTS=nounset POSIXLY_CORRECT=1 CDPATH=/ TMOUT=1 PROMPT_COMMAND='exit 97' \
	INPUTRC=$home/.inputrc PS1='spoiled ' EDITOR=false VISUAL=false PAGER=false LS_COLORS=spoiled TERMINFO=/nonexistent \
	LC_ALL=tr_TR.UTF-8 LANG=de_DE.ISO-8859-1 LANGUAGE=de:tr TZ=Asia/Kathmandu COLUMNS=7 LINES=3 OLDPWD=/ \
	PATH="$home/bin:$PATH" bin/conformance run --out "$out"
