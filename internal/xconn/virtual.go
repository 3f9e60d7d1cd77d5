package xconn

import (
	"fmt"
	"strings"

	"github.com/jezek/xgb/randr"
)

// Virtual tells whether the screen is one that nobody can look at. It goes by
// the names that servers without a monitor give to their outputs.
func (c *Conn) Virtual() (bool, error) {
	if _, ok, err := c.Extension("RANDR"); !ok || err != nil {
		return false, err
	}
	version, err := randr.QueryVersion(c.Conn, 1, 3).Reply()
	if err != nil {
		return false, fmt.Errorf("start RANDR: %w", err)
	}
	if version.MajorVersion == 1 && version.MinorVersion < 3 {
		return false, nil
	}
	resources, err := randr.GetScreenResourcesCurrent(c.Conn, c.Screen.Root).Reply()
	if err != nil {
		return false, fmt.Errorf("list the outputs: %w", err)
	}
	for _, output := range resources.Outputs {
		info, err := randr.GetOutputInfo(c.Conn, output, resources.ConfigTimestamp).Reply()
		if err != nil {
			return false, fmt.Errorf("describe an output: %w", err)
		}
		name := strings.ToLower(string(info.Name))
		if name == "screen" || strings.HasPrefix(name, "vnc") || strings.HasPrefix(name, "dummy") {
			return true, nil
		}
	}
	return false, nil
}
