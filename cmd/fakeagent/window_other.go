//go:build !unix

package main

import (
	"context"
	"time"
)

// resized receives when the size of the user's window is worth a look: nothing
// tells of its changes here.
func resized(context.Context) <-chan time.Time { return time.Tick(time.Second) }
