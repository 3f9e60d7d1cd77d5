package metrics

import (
	"context"
	"os"
	"strconv"
	"strings"
)

// load returns the load averages and how many tasks are running or wait for a
// processor.
func load(context.Context) (load1, load5, load15, runQueue float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, 0, 0, 0
	}
	return parseLoad(string(text))
}

// parseLoad reads "0.20 0.18 0.12 1/80 11206".
func parseLoad(text string) (load1, load5, load15, runQueue float64) {
	fields := strings.Fields(text)
	if len(fields) < 4 {
		return 0, 0, 0, 0
	}
	running, _, _ := strings.Cut(fields[3], "/")
	var values [4]float64
	for i, field := range []string{fields[0], fields[1], fields[2], running} {
		// What is no number stays 0, as a missing source does.
		values[i], _ = strconv.ParseFloat(field, 64)
	}
	return values[0], values[1], values[2], values[3]
}
