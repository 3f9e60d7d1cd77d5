package report

import (
	"slices"
	"strconv"
	"strings"

	"agentproof/suite/verdict"
)

// areaTotals are the sums of one area.
type areaTotals struct {
	Name   string
	Totals map[verdict.Status]int
}

// areas sums up every area that was selected, by name.
func (r *Report) areas() []areaTotals {
	var list []areaTotals
	for _, e := range r.entries() { // sorted by id, and so by area
		if n := len(list); n == 0 || list[n-1].Name != e.Area {
			list = append(list, areaTotals{e.Area, make(map[verdict.Status]int)})
		}
		list[len(list)-1].Totals[e.Status]++
	}
	return list
}

// table counts the statuses of every area that was selected.
func (p *printer) table(r *Report) {
	areas := r.areas()
	first := len("total")
	for _, a := range areas {
		first = max(first, len(a.Name))
	}
	heads := columns(r)

	p.printf("%s", pad("", first))
	for _, s := range heads {
		p.printf("  %s", p.paint(faint, lead(string(s), columnWidth(s))))
	}
	p.printf("\n")
	row := func(name string, n map[verdict.Status]int) {
		p.printf("%s", pad(name, first))
		for _, s := range heads {
			p.printf("  %s", p.cell(s, n[s]))
		}
		p.printf("\n")
	}
	for _, a := range areas {
		row(a.Name, a.Totals)
	}
	row(p.paint(bold, "total")+pad("", first-len("total")), r.Document.Totals)
}

// columns are the statuses that the table has: those that occurred, and always
// pass and fail.
func columns(r *Report) []verdict.Status {
	return slices.DeleteFunc(verdict.Statuses(), func(s verdict.Status) bool {
		return s == verdict.NotSelected || s != verdict.Pass && s != verdict.Fail && r.Document.Totals[s] == 0
	})
}

// columnWidth has room for the heading and for four digits.
func columnWidth(s verdict.Status) int { return max(4, len(s)) }

// cell is a count, coloured where there is one.
func (p *printer) cell(s verdict.Status, n int) string {
	if n == 0 {
		return p.paint(faint, strings.Repeat(" ", columnWidth(s)-1)+"·")
	}
	return p.paint(statusColor(s), lead(strconv.Itoa(n), columnWidth(s)))
}

// pad fills ASCII text up to width behind, lead before.
func pad(s string, width int) string  { return s + strings.Repeat(" ", max(0, width-len(s))) }
func lead(s string, width int) string { return strings.Repeat(" ", max(0, width-len(s))) + s }
