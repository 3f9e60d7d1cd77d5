package helper

import (
	"fmt"
	"text/tabwriter"
)

type runFunc func(*call) error

// A command is one row of the help table. A nil run marks what only POSIX
// systems have; posixCommand holds those.
type command struct {
	name, operands, doc string
	run                 runFunc
}

// commands is a function and not a variable because help reads the table that
// it is in.
func commands() []command {
	return []command{
		{"help", "", "prints this table", help},

		{"report", "[--file PATH] [--] [ARG…]", "Report: what this process sees; --file writes it there instead", report},
		{"env", "NAME", "Variable: whether NAME is set, and to what", env},
		{"exit", "CODE", "exits with CODE, 0..255", exit},
		{"sleep", "DURATION", "sleeps, for example 1.5s", sleep},
		{"signal", "NAME|NUMBER", "dies of that signal, its default action restored", nil},

		{"out", "[--stdout N] [--stderr N] [--seed S] [--chunk C]", "writes Pattern(S) to stdout and Pattern(S+1) to stderr, in turns of C bytes", out},
		{"cat", "", "copies stdin to stdout as it arrives", cat},
		{"digest", "", "Digest: of stdin up to its end", digest},
		{"ignore-stdin", "[DURATION]", "closes stdin unread, then sleeps", ignoreStdin},

		{"tree", "[--for D] [--hold-stdout] [--ignore-term] [--file PATH] [--sleep D] [--exit CODE] [KIND…]", "Tree: starts a descendant a KIND; KIND joins child, setpgid, setsid, orphan, ignore-term, chatty by +; --ignore-term is for the tree itself", nil},
		{"descend", "", "a descendant of tree; not for cases", nil},
		{"alive", "[--until-dead D] PID[:START]…", "Processes: what the system says about each, as soon as none is alive or D is over", alive},
		{"zombies-of", "PID", "Processes: the children of PID that ended and were not waited for", zombiesOf},

		{"symlink", "TARGET LINK", "makes a symbolic link", symlink},
		{"hardlink", "OLD NEW", "makes a hard link", hardlink},
		{"mkfifo", "PATH", "makes a FIFO", nil},
		{"sparse", "[--marker TEXT] [--at OFFSET] PATH SIZE", "makes a file of SIZE bytes that is a hole but for the marker", sparse},
		{"chmod", "MODE PATH", "sets the octal mode, set-id and sticky bits included", chmod},
		{"chown", "[--] UID GID PATH", "sets the owner and the group, -1 to keep one", nil},
		{"mtime", "[--] NANOSECONDS PATH", "sets the modification time, counted from 1970", mtime},
		{"mknames", "DIR HEX…", "creates a file a name; names are raw bytes in hex, and the file holds that hex", nil},
		{"remove", "PATH…", "removes each with all that is below it", remove},
		{"lstat", "PATH", "FileInfo: of PATH itself", lstat},
		{"slurp", "[--limit N] PATH", "Content: size and digest of a whole file, and its first N bytes", slurp},

		{"fill", "[--size N] DIR COUNT", "creates COUNT files of N bytes", fill},
		{"churn", "DIR DURATION", "Churn: creates and removes files in DIR as fast as it can", churn},
		{"append-lines", "[--every D] PATH COUNT", "appends numbered lines, a write each; PATH - is stdout", appendLines},
		{"other-device", "DIR", "Place: makes a directory on another device than DIR; empty path if there is none", nil},
		{"small-disk", "[--for D] DIR BYTES FILE", "writes to FILE a Place on a disk of BYTES, empty path if that cannot be had; the disk lives as long as FILE", nil},
		{"small-disk-owner", "", "holds the disk of small-disk; not for cases", nil},

		{"winch", "[--file PATH]", "Size, a line at the start and at each SIGWINCH; --file writes it there instead; ends when quit is typed", nil},
		{"pty-echo", "", "raw mode: echoes what lies between BeginMarker and EndMarker, markers included", nil},
		{"pty-source", "[--wait] BYTES SEED", "raw mode: BeginMarker, Pattern, EndMarker; --wait for a BeginMarker first", nil},
		{"pty-sink", "[--ready PATH] [--file PATH] BYTES", "raw mode: Digest of that many bytes after a BeginMarker; --ready makes that file before, --file writes a Content there instead", nil},
	}
}

func help(c *call) error {
	if _, err := c.operands(0); err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	for _, cmd := range commands() {
		fmt.Fprintf(w, "%s %s\t%s\n", cmd.name, cmd.operands, cmd.doc)
	}
	return w.Flush()
}
