//go:build unix

package helper

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/term"
)

// raw runs f with the terminal of stdin in raw mode: no echo, no line editing,
// no signals from keys, every byte both ways as it is.
func (c *call) raw(f func(in *bufio.Reader) error) (err error) {
	fd := int(os.Stdin.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return fmt.Errorf("put the terminal of stdin into raw mode: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(fd, old)) }()
	return f(bufio.NewReader(c.stdin))
}

func (c *call) print(s string) error {
	_, err := io.WriteString(c.stdout, s)
	return err
}

func winch(c *call) error {
	fs := c.flags()
	file := fs.String("file", "", "")
	if _, err := c.parse(fs, 0, 0); err != nil {
		return err
	}
	tell := func(s Size) error {
		if *file != "" {
			return writeAtomic(*file, s)
		}
		return c.emit(s)
	}
	return c.raw(func(in *bufio.Reader) error {
		// Before the first size is read, or a change right after it is lost.
		changed := make(chan os.Signal, 16)
		signal.Notify(changed, syscall.SIGWINCH)
		defer signal.Stop(changed)
		quit := make(chan error, 1)
		go func() { quit <- copyUntil(io.Discard, in, "quit") }()
		for {
			cols, rows, err := term.GetSize(int(os.Stdin.Fd()))
			if err != nil {
				return fmt.Errorf("ask for the window's size: %w", err)
			}
			if err := tell(Size{cols, rows}); err != nil {
				return err
			}
			select {
			case <-changed:
			case err := <-quit:
				return err
			}
		}
	})
}

func ptyEcho(c *call) error {
	if _, err := c.operands(0); err != nil {
		return err
	}
	return c.raw(func(in *bufio.Reader) error {
		if err := c.print(ReadyMarker); err != nil {
			return err
		}
		if err := copyUntil(io.Discard, in, BeginMarker); err != nil {
			return err
		}
		if err := c.print(BeginMarker); err != nil {
			return err
		}
		if err := copyUntil(c.stdout, in, EndMarker); err != nil {
			return err
		}
		return c.print(EndMarker)
	})
}

func ptySource(c *call) error {
	fs := c.flags()
	wait := fs.Bool("wait", false, "")
	args, err := c.parse(fs, 2, 2)
	if err != nil {
		return err
	}
	n, sizeErr := strconv.ParseInt(args[0], 10, 64)
	seed, seedErr := strconv.ParseUint(args[1], 10, 64)
	if err := errors.Join(sizeErr, seedErr); err != nil {
		return usageError{err}
	}
	return c.raw(func(in *bufio.Reader) error {
		if err := c.print(ReadyMarker); err != nil {
			return err
		}
		if *wait {
			if err := copyUntil(io.Discard, in, BeginMarker); err != nil {
				return err
			}
		}
		if err := c.print(BeginMarker); err != nil {
			return err
		}
		if _, err := io.Copy(c.stdout, PatternReader(seed, n)); err != nil {
			return fmt.Errorf("write the pattern: %w", err)
		}
		return c.print(EndMarker)
	})
}

// sinkHead is how much of what it read pty-sink repeats.
const sinkHead = 4 << 10

func ptySink(c *call) error {
	fs := c.flags()
	ready := fs.String("ready", "", "")
	file := fs.String("file", "", "")
	args, err := c.parse(fs, 1, 1)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return usageError{err}
	}
	return c.raw(func(in *bufio.Reader) error {
		if err := c.print(ReadyMarker); err != nil {
			return err
		}
		if *ready != "" {
			if err := os.WriteFile(*ready, nil, 0o644); err != nil {
				return err
			}
		}
		if err := copyUntil(io.Discard, in, BeginMarker); err != nil {
			return err
		}
		sum := sha256.New()
		var head bytes.Buffer
		if _, err := io.CopyN(sum, io.TeeReader(in, &firstBytes{&head, sinkHead}), n); err != nil {
			return fmt.Errorf("read %d bytes: %w", n, noEOF(err))
		}
		if *file != "" {
			return writeAtomic(*file, Content{newDigest(n, sum), head.Bytes()})
		}
		return c.emit(newDigest(n, sum))
	})
}
