//go:build cgo && (darwin || windows)

package native

import (
	"unicode/utf16"

	"github.com/go-vgo/robotgo"
)

// typable tells that these systems take any character, whatever the keyboard.
func typable(rune) bool { return true }

// typeRune sends UTF-16, in which characters beyond the first 65,536 are two
// units.
func typeRune(r rune) {
	for _, unit := range utf16.AppendRune(nil, r) {
		robotgo.UnicodeType(uint32(unit))
	}
}
