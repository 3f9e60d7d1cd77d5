//go:build unix

package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestScreenIsWhatATerminalShowsInTheEnd(t *testing.T) {
	t.Parallel()
	red, green := style{color: "31"}, style{color: "32", bold: true}
	for _, tt := range []struct {
		name, text string
		want       []line
	}{
		{"plain lines", "a\r\n\r\nb\r\n", []line{{{text: "a"}}, nil, {{text: "b"}}}},
		{"colours", "x\x1b[31my\x1b[0mz", []line{{{text: "x"}, {"y", red}, {text: "z"}}}},
		{"several at once", "\x1b[1;32my\x1b[mz", []line{{{"y", green}, {text: "z"}}}},
		{"a colour that goes on", "\x1b[31ma\r\nb", []line{{{"a", red}}, {{"b", red}}}},
		{"a line that is written again", "\r\x1b[K1/2\r\x1b[K2/2\r\x1b[Kdone\r\n", []line{{{text: "done"}}}},
		{"what it does not know", "a\x1b[2Jb", []line{{{text: "a"}, {text: "b"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := screen(tt.text); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.svg")
	if err := draw(40, out, []string{"/bin/sh", "-c", `printf '<a> & \033[32mgreen\033[0m\n'; exit 3`}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	dec := xml.NewDecoder(strings.NewReader(string(data)))
	var texts []string
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if text, ok := token.(xml.CharData); ok && strings.TrimSpace(string(text)) != "" {
			texts = append(texts, string(text))
		}
	}
	if len(texts) != 3 || !strings.HasPrefix(texts[0], "$ sh -c printf") || texts[1] != "<a> & " || texts[2] != "green" {
		t.Errorf("it draws %q", texts)
	}
	if !strings.Contains(string(data), `fill="#7ee787">green`) {
		t.Errorf("green is not green:\n%s", data)
	}
}

func TestDrawNeedsACommandThatExists(t *testing.T) {
	t.Parallel()
	if err := draw(40, "", nil); err == nil {
		t.Error("no command was accepted")
	}
	if err := draw(40, "", []string{"/nonexistent/program"}); err == nil || !strings.Contains(err.Error(), "start /nonexistent/program") {
		t.Errorf("got %v", err)
	}
}
