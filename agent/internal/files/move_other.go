//go:build !linux && !darwin

package files

func renameNoReplace(from, to string) error { return checkedRename(from, to) }
