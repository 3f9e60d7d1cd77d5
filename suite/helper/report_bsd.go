//go:build unix && !linux

package helper

import "os"

func environment() ([]string, error) { return os.Environ(), nil }

func signalActions() (ignored, blocked []string, err error) { return nil, nil, nil }
