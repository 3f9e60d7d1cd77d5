package record_test

import (
	"testing"

	"go.uber.org/goleak"

	"agentproof/suite/helper"
)

func TestMain(m *testing.M) {
	helper.Intercept()
	goleak.VerifyTestMain(m)
}
