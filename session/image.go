package session

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"agentproof/session/v4a"
)

// Image is a picture that a model can look at.
type Image struct {
	Type      string // always "image"
	Data      []byte
	MediaType string // such as "image/png"
}

// ViewImageParams names an image file.
type ViewImageParams struct{ Path string }

// ViewImage reads an image. A file of an unknown format is an error that names
// the path (session.op.view-image).
func (s *Session) ViewImage(ctx context.Context, p ViewImageParams) (Image, error) {
	data, err := s.ReadFile(ctx, ReadFileParams{Path: p.Path})
	if err != nil {
		return Image{}, fmt.Errorf("view image: %w", err)
	}
	mediaType, ok := ImageType(p.Path, data)
	if !ok {
		return Image{}, fmt.Errorf("view image %s: not a known image format", p.Path)
	}
	return Image{Type: "image", Data: data, MediaType: mediaType}, nil
}

// ImageType tells an image's media type by its first bytes or, when they say
// nothing, by the path's extension (session.image).
func ImageType(name string, data []byte) (mediaType string, ok bool) {
	for _, m := range []struct{ magic, mediaType string }{
		{"\x89PNG", "image/png"},
		{"\xff\xd8\xff", "image/jpeg"},
		{"GIF8", "image/gif"},
		{"BM", "image/bmp"},
		{"II*\x00", "image/tiff"},
		{"MM\x00*", "image/tiff"},
	} {
		if bytes.HasPrefix(data, []byte(m.magic)) {
			return m.mediaType, true
		}
	}
	if len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP" {
		return "image/webp", true
	}
	if isSVG(data) {
		return "image/svg+xml", true
	}
	switch path.Ext(strings.ToLower(strings.TrimFunc(name, v4a.IsSpace))) {
	case ".png":
		return "image/png", true
	case ".jpg", ".jpeg":
		return "image/jpeg", true
	case ".gif":
		return "image/gif", true
	case ".webp":
		return "image/webp", true
	case ".bmp":
		return "image/bmp", true
	case ".tif", ".tiff":
		return "image/tiff", true
	case ".svg", ".svgz":
		return "image/svg+xml", true
	}
	return "", false
}

// isSVG looks at a bounded head: an SVG may follow a prolog of any length, but
// a large file must not be searched for one.
func isSVG(data []byte) bool {
	head := bytes.TrimPrefix(data, []byte(utf8BOM))
	head = head[:min(len(head), 512)]
	head = bytes.ToLower(bytes.TrimLeftFunc(head, v4a.IsSpace))
	return bytes.HasPrefix(head, []byte("<svg")) ||
		bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<svg"))
}
