package xconn

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestADisplayNameIsTakenApart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name string
		want address
		ok   bool
	}{
		"a number":                      {":7", address{number: 7}, true},
		"a number and a screen":         {":7.1", address{number: 7, screen: 1}, true},
		"a local transport by name":     {"unix:7", address{number: 7}, true},
		"a host":                        {"box.example:2.0", address{host: "box.example", number: 2}, true},
		"an IPv6 host":                  {"[::1]:2", address{host: "::1", number: 2}, true},
		"a socket's path":               {"/tmp/launch-1/x:0", address{socket: "/tmp/launch-1/x:0"}, true},
		"nothing":                       {"", address{}, false},
		"no colon":                      {"7", address{}, false},
		"no number":                     {":", address{}, false},
		"a negative number":             {":-1", address{}, false},
		"a number that no port fits":    {":99999", address{}, false},
		"a screen that is not a number": {":1.x", address{}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseDisplay(tc.name)
			if (err == nil) != tc.ok {
				t.Fatalf("err = %v, want success: %v", err, tc.ok)
			}
			if tc.ok && got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestTheEnvironmentNamesTheDisplay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		environ []string
		want    Options
	}{
		"nothing":                       {nil, Options{}},
		"a display and a home":          {[]string{"HOME=/h", "DISPLAY=:1"}, Options{Display: ":1", Authority: "/h/.Xauthority"}},
		"an authority file of its own":  {[]string{"XAUTHORITY=/a", "HOME=/h"}, Options{Authority: "/a"}},
		"the last of equal names wins":  {[]string{"DISPLAY=:1", "DISPLAY=:2"}, Options{Display: ":2"}},
		"a name that only begins alike": {[]string{"DISPLAYS=:1"}, Options{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := OptionsFrom(tc.environ)
			if got.Display != tc.want.Display || got.Authority != tc.want.Authority {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestTheCookieOfTheRightDisplayIsFound(t *testing.T) {
	t.Parallel()
	one, two, any := [16]byte{1}, [16]byte{2}, [16]byte{3}
	entry := func(host, number string, secret [16]byte) []byte {
		e := append([]byte{1, 0, 0, byte(len(host))}, host...)
		e = append(e, 0, byte(len(number)))
		e = append(e, number+"\x00\x12MIT-MAGIC-COOKIE-1\x00\x10"...)
		return append(e, secret[:]...)
	}
	file := slices.Concat(entry("fox", "1", two), entry("box", "1", one), entry("box", "2", two))
	tests := map[string]struct {
		file   []byte
		number string
		want   []byte
	}{
		"an entry behind another host's":    {file, "1", one[:]},
		"the last entry":                    {file, "2", two[:]},
		"a display without an entry":        {file, "3", nil},
		"a file cut in an entry":            {file[:len(file)-1], "2", nil},
		"an entry for all":                  {Authority(any), "7", any[:]},
		"an entry for all behind its own's": {append(slices.Clone(file), Authority(any)...), "2", two[:]},
		"an empty file":                     {nil, "1", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(hex.EncodeToString(tc.want), findCookie(tc.file, "box", tc.number)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzFindCookie(f *testing.F) {
	f.Add([]byte(nil), "1")
	f.Add(Authority([16]byte{1}), "1")
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, "1")
	f.Fuzz(func(t *testing.T, file []byte, number string) {
		if got := findCookie(file, "box", number); got != "" && len(got) != 32 {
			t.Errorf("a cookie of %d digits", len(got))
		}
	})
}
