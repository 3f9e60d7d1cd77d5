package certificate

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	"agentproof/suite/verdict"
)

// Badge is a small picture for a README. It says what a certificate or a report
// shows, and no more.
type Badge struct {
	Message string
	color   string
}

// The colours that badges have everywhere: white text is readable on each.
const (
	badgeGreen = "#2b7a0b"
	badgeRed   = "#b3261e"
	badgeGrey  = "#6b6b6b"
)

// Badge is the badge of a certificate.
func (c *Certificate) Badge() Badge {
	return Badge{c.Revision + " " + strings.Join(c.Conformant(), " · "), badgeGreen}
}

// Badge is the badge of a run, certified or not.
func (e *Evidence) Badge() Badge {
	r := e.report
	switch {
	case r.Certifies():
		c := Certificate{Revision: r.Revision, Profiles: e.Document.Profiles}
		return c.Badge()
	case r.Verdict() == verdict.NotConformant:
		return Badge{r.Revision + " not conformant", badgeRed}
	case r.Totals[verdict.Interrupted] > 0:
		return Badge{r.Revision + " interrupted run", badgeGrey}
	case r.Selection.Filtered():
		return Badge{r.Revision + " filtered run", badgeGrey}
	default:
		return Badge{r.Revision + " " + strings.ReplaceAll(r.Verdict(), "-", " "), badgeGrey}
	}
}

const (
	badgeLabel  = "agentproof"
	badgeHeight = 20
	badgeMargin = 6 // on both sides of a text
)

// SVG draws the badge. textLength makes texts as long as they were measured to
// be, in whatever font the reader has.
func (b Badge) SVG() []byte {
	left, right := textWidth(badgeLabel), textWidth(b.Message)
	split := left + 2*badgeMargin
	width := split + right + 2*badgeMargin
	var out bytes.Buffer
	title := escape(badgeLabel + ": " + b.Message)
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s">`+"\n", width, badgeHeight, title)
	fmt.Fprintf(&out, "  <title>%s</title>\n", title)
	fmt.Fprintf(&out, `  <clipPath id="r"><rect width="%d" height="%d" rx="3"/></clipPath>`+"\n", width, badgeHeight)
	fmt.Fprintf(&out, `  <g clip-path="url(#r)">`+"\n")
	fmt.Fprintf(&out, `    <rect width="%d" height="%d" fill="#444"/>`+"\n", split, badgeHeight)
	fmt.Fprintf(&out, `    <rect x="%d" width="%d" height="%d" fill="%s"/>`+"\n", split, width-split, badgeHeight, b.color)
	fmt.Fprintf(&out, "  </g>\n")
	fmt.Fprintf(&out, `  <g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" aria-hidden="true">`+"\n")
	for _, t := range []struct {
		x, width int
		text     string
	}{{badgeMargin, left, badgeLabel}, {split + badgeMargin, right, b.Message}} {
		fmt.Fprintf(&out, `    <text x="%d" y="14" textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n", t.x, t.width, escape(t.text))
	}
	fmt.Fprintf(&out, "  </g>\n</svg>\n")
	return out.Bytes()
}

func escape(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}

// textWidth is how wide text is in 11 px Verdana, the font that badges are made
// for, in whole pixels.
func textWidth(text string) int {
	units := 0
	for _, r := range text {
		units += advance(r)
	}
	const unitsPerEm, size = 2048, 11
	return int(math.Ceil(float64(units) * size / unitsPerEm))
}

// advance is the width of a character in Verdana's units: those that badges
// hold, and for any other that of an m, so that no text is ever squeezed.
func advance(r rune) int {
	widths := []struct {
		units int
		runes string
	}{
		{562, "il"}, {705, "j"}, {720, " f"}, {745, ".,·"}, {807, "t"}, {874, "r"}, {930, "-:/()"}, {1067, "cs"}, {1076, "z"},
		{1212, "kvxy"}, {1220, "e"}, {1230, "a"}, {1243, "o"}, {1276, "bdgpq"}, {1296, "hnu"}, {1302, "0123456789_"}, {1676, "w"},
	}
	for _, w := range widths {
		if strings.ContainsRune(w.runes, r) {
			return w.units
		}
	}
	return 1992
}
