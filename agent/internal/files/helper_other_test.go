//go:build !linux && !darwin

package files_test

const helperVariable = "FILES_TEST_HELPER"

func runHelper(string) int { return 1 }
