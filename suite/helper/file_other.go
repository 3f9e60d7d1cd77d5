//go:build !unix

package helper

import "os"

func (*FileInfo) addSystem(os.FileInfo) {}
