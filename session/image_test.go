package session_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"agentproof/session"
	"agentproof/session/internal/machine"
)

func TestImageType(t *testing.T) {
	t.Parallel()
	const png, jpeg, gif, webp = "image/png", "image/jpeg", "image/gif", "image/webp"
	const bmp, tiff, svg, none = "image/bmp", "image/tiff", "image/svg+xml", ""
	tests := map[string]struct{ path, data, want string }{
		"PNG by its bytes":                   {"x", "\x89PNG\r\n\x1a\n", png},
		"JPEG by its bytes":                  {"x", "\xff\xd8\xff\xe0", jpeg},
		"GIF by its bytes":                   {"x", "GIF89a", gif},
		"WebP by its bytes":                  {"x", "RIFF\x00\x00\x00\x00WEBPVP8 ", webp},
		"BMP by its bytes":                   {"x", "BM\x00", bmp},
		"little-endian TIFF by its bytes":    {"x", "II*\x00\x08", tiff},
		"big-endian TIFF by its bytes":       {"x", "MM\x00*\x00", tiff},
		"SVG by its tag":                     {"x", "<svg xmlns=''>", svg},
		"SVG behind blanks, in capitals":     {"x", " \r\n\t<SVG>", svg},
		"SVG behind a BOM and blanks":        {"x", "\xef\xbb\xbf\n <svg>", svg},
		"SVG behind an XML prolog":           {"x", "<?XML version='1.0'?>\n<!-- c -->\n<svg>", svg},
		"SVG within the first 512 bytes":     {"x", "<?xml?>" + strings.Repeat(" ", 512-7-4) + "<svg>", svg},
		"one beyond them does not count":     {"x", "<?xml?>" + strings.Repeat(" ", 512-7-3) + "<svg>", none},
		"blanks count toward the 512":        {"x", strings.Repeat(" ", 512) + "<svg>", none},
		"the BOM does not":                   {"x", "\xef\xbb\xbf<?xml?>" + strings.Repeat(" ", 512-7-4) + "<svg>", svg},
		"XML without an SVG":                 {"x", "<?xml?><html>", none},
		"HTML that holds an SVG":             {"x", "<html><svg>", none},
		"bytes win over the extension":       {"x.png", "\xff\xd8\xff", jpeg},
		"RIFF that is no WebP":               {"x", "RIFF\x00\x00\x00\x00WAVE", none},
		"WebP that is cut off":               {"x", "RIFF\x00\x00\x00\x00WEB", none},
		"PNG that is cut off":                {"x", "\x89PN", none},
		"JPEG that is cut off":               {"x", "\xff\xd8", none},
		"an empty file by its extension":     {"x.png", "", png},
		"unknown bytes by the extension png": {"a/x.png", "?", png},
		"jpg":                                {"x.jpg", "?", jpeg},
		"jpeg":                               {"x.jpeg", "?", jpeg},
		"gif":                                {"x.gif", "?", gif},
		"webp":                               {"x.webp", "?", webp},
		"bmp":                                {"x.bmp", "?", bmp},
		"tif":                                {"x.tif", "?", tiff},
		"tiff":                               {"x.tiff", "?", tiff},
		"svg":                                {"x.svg", "?", svg},
		"svgz":                               {"x.svgz", "\x1f\x8b", svg},
		"an extension in capitals":           {"X.PNG", "?", png},
		"an extension before blanks":         {" x.png \n", "?", png},
		"the last of two extensions":         {"x.png.txt", "?", none},
		"an extension of a directory":        {"x.png/y", "?", none},
		"another extension":                  {"x.txt", "?", none},
		"no extension":                       {"png", "?", none},
		"nothing at all":                     {"", "", none},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := session.ImageType(tc.path, []byte(tc.data))
			if got != tc.want || ok != (tc.want != none) {
				t.Errorf("ImageType(%q, %q) = %q, %v, want %q", tc.path, tc.data, got, ok, tc.want)
			}
		})
	}
}

func TestViewImageNamesTheFileThatIsNoImage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config()
	cfg.WorkingDir = dir
	s, _ := newSession(t, cfg, machine.Host(dir))
	img, err := s.ViewImage(t.Context(), session.ViewImageParams{Path: "/workspace/notes.txt"})
	if err == nil || !strings.Contains(err.Error(), "/workspace/notes.txt") {
		t.Errorf("ViewImage = %+v, %v, want an error that names the path", img, err)
	}
}
