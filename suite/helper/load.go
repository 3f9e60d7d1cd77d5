package helper

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Churn is the answer of the churn command.
type Churn struct {
	Created int `json:"created"` // files that came and went
}

func fill(c *call) error {
	fs := c.flags()
	size := fs.Int("size", 1, "")
	args, err := c.parse(fs, 2, 2)
	if err != nil {
		return err
	}
	count, err := strconv.ParseUint(args[1], 10, 31)
	if err != nil {
		return usageError{err}
	}
	if *size < 0 {
		return usagef("the size is negative")
	}
	content := Pattern(0, *size)
	for i := range count {
		path := filepath.Join(args[0], fmt.Sprintf("file-%06d", i))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// churn keeps a few files in place at a time, so that a listing that runs
// meanwhile finds names that are gone when it looks at them.
func churn(c *call) (err error) {
	args, err := c.operands(2)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[1])
	if err != nil {
		return usageError{err}
	}
	const kept = 16
	path := func(i int) string { return filepath.Join(args[0], fmt.Sprintf("churn-%d", i)) }
	created := 0
	for end := time.Now().Add(d); time.Now().Before(end); created++ {
		if err := os.WriteFile(path(created), nil, 0o644); err != nil {
			return err
		}
		if created < kept {
			continue
		}
		if err := os.Remove(path(created - kept)); err != nil {
			return err
		}
	}
	for i := max(0, created-kept); i < created; i++ {
		err = errors.Join(err, os.Remove(path(i)))
	}
	if err != nil {
		return err
	}
	return c.emit(Churn{created})
}

func appendLines(c *call) (err error) {
	fs := c.flags()
	every := fs.Duration("every", 0, "")
	args, err := c.parse(fs, 2, 2)
	if err != nil {
		return err
	}
	count, err := strconv.ParseUint(args[1], 10, 31)
	if err != nil {
		return usageError{err}
	}
	// Not /dev/stdout: the name of a socket cannot be opened.
	if args[0] == "-" {
		return writeLines(c.stdout, count, *every)
	}
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return writeLines(f, count, *every)
}

func writeLines(w io.Writer, count uint64, every time.Duration) error {
	for i := range count {
		if i > 0 {
			time.Sleep(every)
		}
		if _, err := fmt.Fprintf(w, "line %d\n", i); err != nil {
			return err
		}
	}
	return nil
}
