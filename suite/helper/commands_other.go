//go:build !unix

package helper

func posixCommand(string) runFunc { return nil }
