package xconn

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// cookieName is the only way of authorization that X servers still use.
const cookieName = "MIT-MAGIC-COOKIE-1"

// Families of an authority entry.
const (
	familyLocal = 256
	familyWild  = 65535
)

// cookie finds the display's cookie, in hex; empty if there is none, which
// many servers accept.
func cookie(file string, a address) string {
	if file == "" {
		return ""
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	host := a.host
	if host == "" || host == "localhost" {
		host, _ = os.Hostname()
	}
	return findCookie(data, host, strconv.Itoa(a.number))
}

// findCookie reads an authority file: entries of family, address, display
// number, name and data, every one but the family behind its length. A file
// that ends in the middle of an entry holds no more of them.
func findCookie(data []byte, host, number string) string {
	r := bytes.NewReader(data)
	for {
		var family uint16
		if binary.Read(r, binary.BigEndian, &family) != nil {
			return ""
		}
		var fields [4][]byte
		for i := range fields {
			var ok bool
			if fields[i], ok = readField(r); !ok {
				return ""
			}
		}
		address, display, name, secret := fields[0], fields[1], fields[2], fields[3]
		here := family == familyWild || family == familyLocal && string(address) == host
		if here && (len(display) == 0 || string(display) == number) &&
			string(name) == cookieName && len(secret) == 16 {
			return hex.EncodeToString(secret)
		}
	}
}

func readField(r *bytes.Reader) ([]byte, bool) {
	var n uint16
	if binary.Read(r, binary.BigEndian, &n) != nil || int(n) > r.Len() {
		return nil, false
	}
	field := make([]byte, n)
	_, err := io.ReadFull(r, field)
	return field, err == nil
}

// Authority is an authority file with one entry, which opens every display on
// any host: the file is one server's own, and names of machines change while
// they run.
func Authority(secret [16]byte) []byte {
	file := binary.BigEndian.AppendUint16(nil, familyWild)
	for _, field := range [][]byte{nil, nil, []byte(cookieName), secret[:]} {
		file = binary.BigEndian.AppendUint16(file, uint16(len(field)))
		file = append(file, field...)
	}
	return file
}

// defaultAuthority is where a session keeps its cookies unless it says
// otherwise.
func defaultAuthority(home string) string {
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".Xauthority")
}
