package screenpng

import "fmt"

// maxSide bounds an image's width and height in pixels; X screens end at
// 32,767.
const maxSide = 1 << 16

// An Image is what a screen shows: rows of four bytes a pixel, which are blue,
// green, red and one that means nothing.
type Image struct {
	Pix []byte
	// Stride is the distance between the starts of two rows, in bytes.
	Stride        int
	Width, Height int
}

func (m Image) validate() error {
	switch {
	case m.Width <= 0 || m.Height <= 0 || m.Width > maxSide || m.Height > maxSide:
		return fmt.Errorf("a picture of %d×%d pixels", m.Width, m.Height)
	case m.Stride < 4*m.Width:
		return fmt.Errorf("rows of %d pixels in %d bytes", m.Width, m.Stride)
	case len(m.Pix) < (m.Height-1)*m.Stride+4*m.Width:
		return fmt.Errorf("a picture of %d×%d pixels in %d bytes", m.Width, m.Height, len(m.Pix))
	}
	return nil
}

// row is the pixels of row y.
func (m Image) row(y int) []byte {
	return m.Pix[y*m.Stride:][: 4*m.Width : 4*m.Width]
}

// Shrink makes the picture smaller: every new pixel is the average of the area
// that it covers. Neither side may grow, and both must stay positive.
func (m Image) Shrink(width, height int) Image {
	small := Image{Pix: make([]byte, 4*width*height), Stride: 4 * width, Width: width, Height: height}
	columns := spans(m.Width, width)
	sums := make([][4]uint32, width)
	for y, rows := range spans(m.Height, height) {
		clear(sums)
		for sy := rows.from; sy < rows.to; sy++ {
			row := m.row(sy)
			for x, c := range columns {
				for sx := c.from; sx < c.to; sx++ {
					sums[x][0] += uint32(row[4*sx])
					sums[x][1] += uint32(row[4*sx+1])
					sums[x][2] += uint32(row[4*sx+2])
				}
			}
		}
		out := small.row(y)
		for x, c := range columns {
			area := uint32((rows.to - rows.from) * (c.to - c.from))
			for i := range 3 {
				out[4*x+i] = uint8((sums[x][i] + area/2) / area)
			}
		}
	}
	return small
}

// span is the old pixels behind a new one.
type span struct{ from, to int }

func spans(from, to int) []span {
	out := make([]span, to)
	for i := range out {
		out[i] = span{i * from / to, (i + 1) * from / to}
	}
	return out
}
