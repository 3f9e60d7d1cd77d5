// Command conformance certifies machine agents over NATS.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"agentproof/suite/helper"
)

func main() {
	helper.Intercept()
	// A second signal ends the program at once: the first restored the default.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
