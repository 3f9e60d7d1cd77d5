//go:build unix

// Command picture runs a command in a terminal and draws what it leaves there
// as SVG, for the documents.
//
// Usage: picture [-columns N] [-out FILE] COMMAND [ARGS...]
package main

import (
	"bytes"
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
	master, terminal, err := pty.Open()
	if err != nil {
		return "", fmt.Errorf("open a terminal: %w", err)
	}
	defer master.Close()
	defer terminal.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 50, Cols: columns}); err != nil {
		return "", fmt.Errorf("size the terminal: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start %s: %w", argv[0], err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		// The terminal stays open until the end was read, because what is
		// unread when it closes is lost on macOS.
		_, err2 := terminal.WriteString(theEnd)
		ended <- errors.Join(err, err2)
	}()
	var text []byte
	for buf := make([]byte, 4096); !bytes.Contains(text, []byte(theEnd)); {
		n, err := master.Read(buf)
		if text = append(text, buf[:n]...); err != nil {
			return "", fmt.Errorf("read the terminal: %w", err)
		}
	}
	if err := <-ended; err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			return "", err
		}
	}
	shown, _, _ := strings.Cut(string(text), theEnd)
	return shown, nil
}

// theEnd is what no command writes.
const theEnd = "\x1b[the end]"
