package keysym_test

import (
	"testing"
	"unicode"

	"agentproof/internal/keysym"
)

func TestASymbolStandsForItsCharacter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sym  keysym.Sym
		want rune // 0 for none
	}{
		"a small letter":                 {0x61, 'a'},
		"a Latin-1 letter":               {0xe9, 'é'},
		"Cyrillic by its old symbol":     {0x6c1, 'а'},
		"Cyrillic by its code point":     {0x1000430, 'а'},
		"the euro sign by its symbol":    {0x20ac, '€'},
		"Greek in the middle of a run":   {0x7e3, 'γ'},
		"Katakana by its old symbol":     {0x4b1, 'ア'},
		"an emoji":                       {0x101f600, '😀'},
		"Latin-1 in Unicode's range":     {0x10000e9, 'é'},
		"the last code point":            {0x110ffff, unicode.MaxRune},
		"behind the last code point":     {0x1110000, 0},
		"a gap between two old symbols":  {0x6ae, 'ў'},
		"an old symbol that nobody gave": {0x101, 0},
		"Return":                         {keysym.Return, 0},
		"a dead accent":                  {0xfe51, 0},
		"no symbol":                      {0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := tc.sym.Rune()
			if got != tc.want || ok != (tc.want != 0) {
				t.Errorf("%#x = %q %v, want %q", uint32(tc.sym), got, ok, tc.want)
			}
		})
	}
}

func TestEveryCharacterComesBackFromItsSymbol(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune + 1) {
		if unicode.IsControl(r) {
			continue
		}
		if got, ok := keysym.FromRune(r).Rune(); !ok || got != r {
			t.Fatalf("%U came back as %U, %v", r, got, ok)
		}
	}
}

func TestLettersFoldBetweenOldAndNewSymbols(t *testing.T) {
	t.Parallel()
	const oldSmallA = keysym.Sym(0x6c1)
	if got, _ := oldSmallA.Upper().Rune(); got != 'А' {
		t.Errorf("capital of the Cyrillic a: %q", got)
	}
	for _, sym := range []keysym.Sym{'1', keysym.F1, 0} {
		if sym.Upper() != sym || sym.Lower() != sym {
			t.Errorf("%v has a capital or a small form", sym)
		}
	}
}
