//go:build !linux

package process_test

func runPlatformChild(string) int { return 97 }
