package instance_test

import (
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	if len(os.Args) == 3 && os.Args[1] == leaver {
		// Not os.Exit: with the race detector that sleeps for a second.
		syscall.Exit(leave(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}
