//go:build !unix

package process_test

import "syscall"

func sessionAttr(bool) *syscall.SysProcAttr { return nil }
