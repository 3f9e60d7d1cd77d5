//go:build !linux

package metrics

// groups are Linux's.
type groups struct{}

func findGroups() groups { return groups{} }

func (groups) memory() (used, limit uint64, ok bool) { return 0, 0, false }

func (groups) processor() (used, limit float64, ok bool) { return 0, 0, false }
