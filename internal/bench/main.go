// Command bench measures the agent, the session and the relay beside their
// physical floors, in one run and in turns, and prints each figure as a ratio:
// on a shared machine only ratios mean anything. Its arguments choose among
// rpc, streams and desktop, which is left out where there is no Xvfb.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
)

func main() {
	if os.Getenv(usualEnv) != "" {
		if err := takeUsual(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// figure is one measurement beside its floor.
type figure struct {
	name  string
	unit  string
	got   float64
	floor float64
	// aim is what the ratio got/floor should not exceed or, for throughput
	// (least), not fall below; 0 where nothing is aimed at.
	aim   float64
	least bool
}

func (f figure) ratio() float64 { return f.got / f.floor }

func (f figure) met() bool {
	if f.least {
		return f.ratio() >= f.aim
	}
	return f.ratio() <= f.aim
}

// verdict is the aim and whether it was met, in two cells.
func (f figure) verdict() string {
	sign, verdict := "≤", "ok"
	if f.least {
		sign = "≥"
	}
	switch {
	case f.aim == 0:
		return "\t"
	case !f.met():
		verdict = "missed"
	}
	return fmt.Sprintf("%s %.2f\t%s", sign, f.aim, verdict)
}

func run(ctx context.Context, names []string) error {
	b, err := newBed(ctx)
	if err != nil {
		return err
	}
	defer b.close()
	tw := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "figure\tmeasured\tfloor\tunit\tratio\taim\t\t")
	for _, g := range b.groups() {
		if len(names) > 0 && !slices.Contains(names, g.name) {
			continue
		}
		for _, measure := range g.figures {
			figures, err := measure(ctx)
			if err != nil {
				return err
			}
			for _, f := range figures {
				fmt.Fprintf(tw, "%s\t%.1f\t%.1f\t%s\t%.2f\t%s\t\n", f.name, f.got, f.floor, f.unit, f.ratio(), f.verdict())
			}
			_ = tw.Flush()
		}
	}
	return nil
}

// group is what is measured under one name on the command line.
type group struct {
	name    string
	figures []func(context.Context) ([]figure, error)
}

func (b *bed) groups() []group {
	one := func(measure func(context.Context) (figure, error)) func(context.Context) ([]figure, error) {
		return func(ctx context.Context) ([]figure, error) {
			f, err := measure(ctx)
			return []figure{f}, err
		}
	}
	groups := []group{
		{"rpc", []func(context.Context) ([]figure, error){
			one(b.pingLatency), one(b.pingThroughput), one(b.execTrue), one(b.readFile), one(b.pingUnderLoad)}},
		{"streams", []func(context.Context) ([]figure, error){
			one(b.terminalThroughput), one(b.keystroke), one(b.relayForwarding), one(b.manyTerminals)}},
	}
	if b.screen != nil {
		groups = append(groups, group{"desktop", []func(context.Context) ([]figure, error){b.screenshots, b.keyPress, b.frames}})
	}
	return groups
}
