//go:build unix

// Command picture runs a command in a terminal and draws what it leaves there
// as SVG, for the documents.
//
// Usage: picture [-columns N] [-out FILE] COMMAND [ARGS...]
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/creack/pty"
)

func main() {
	columns := flag.Uint("columns", 96, "width of the terminal")
	out := flag.String("out", "", "write `FILE` instead of standard output")
	flag.Parse()
	if err := draw(uint16(*columns), *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(columns uint16, out string, argv []string) error {
	if len(argv) == 0 {
		return errors.New("no command given")
	}
	text, err := record(columns, argv)
	if err != nil {
		return err
	}
	// The reader types the name, wherever the program is here.
	shown := append([]string{filepath.Base(argv[0])}, argv[1:]...)
	picture := svg(append([]line{{{text: "$ " + strings.Join(shown, " "), style: style{bold: true}}}}, screen(text)...), int(columns))
	if out == "" {
		_, err = io.WriteString(os.Stdout, picture)
		return err
	}
	return os.WriteFile(out, []byte(picture), 0o644)
}

// record runs argv in a terminal and returns everything that it wrote. The
// command may end with any exit code.
func record(columns uint16, argv []string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: columns})
	if err != nil {
		return "", fmt.Errorf("start %s: %w", argv[0], err)
	}
	defer master.Close()
	text, err := io.ReadAll(master)
	if err != nil && !errors.Is(err, syscall.EIO) { // how Linux says that the terminal was closed
		return "", fmt.Errorf("read the terminal: %w", err)
	}
	if err := cmd.Wait(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			return "", err
		}
	}
	return string(text), nil
}
