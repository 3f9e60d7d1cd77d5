package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"agentproof/suite/verdict"
)

// screenshotPath is where a case's screenshot is, relative to the report's
// directory and with slashes; empty for a case without one.
func screenshotPath(c verdict.Result) string {
	if len(c.Screenshot) == 0 {
		return ""
	}
	return path.Join("screenshots", screenshotName(c.ID))
}

func screenshotName(id string) string { return strings.ReplaceAll(id, "/", "+") + ".png" }

// writeScreenshots writes those of the failed cases, and removes those that an
// earlier run left of cases that have none any more.
func writeScreenshots(dir string, r *verdict.Report) error {
	dir = filepath.Join(dir, "screenshots")
	for _, c := range r.Results {
		file := filepath.Join(dir, screenshotName(c.ID))
		if len(c.Screenshot) == 0 {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove an old screenshot: %w", err)
			}
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("write the screenshots: %w", err)
		}
		if err := os.WriteFile(file, c.Screenshot, 0o644); err != nil {
			return fmt.Errorf("write the screenshots: %w", err)
		}
	}
	return nil
}
