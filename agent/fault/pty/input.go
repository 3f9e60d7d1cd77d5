package pty

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"agentproof/agent"
	"agentproof/agent/fault"
	agentv1 "agentproof/proto/opengeni/agent/v1"
)

func inputs() []fault.Mutant {
	var mu sync.Mutex
	var held []byte
	var once atomic.Bool
	return []fault.Mutant{
		wide(silent("strips what is no ASCII", "pty.write/every-byte-value", "less in time",
			typing(func(b []byte) []byte {
				return slices.DeleteFunc(slices.Clone(b), func(c byte) bool { return c > 0x7f })
			}))),
		wide(silent("makes line ends of returns", "pty.write/every-byte-value", "byte for byte",
			typing(func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "\r", "\n")) }))),
		wide(mutant("counts no bytes", "pty.write/every-byte-value", "bytes_written",
			fault.After(func(_ *agentv1.ControlRequest, resp *agentv1.ControlResponse) {
				if w := resp.GetPtyWrite(); w != nil {
					w.BytesWritten = 0
				}
			}))),
		mutant("types a newline for nothing", "pty.write/nothing-is-fine", "what the child read first",
			typing(func(b []byte) []byte {
				if len(b) == 0 {
					return []byte("\n")
				}
				return b
			})),
		mutant("refuses to write nothing", "pty.write/nothing-is-fine", "a result",
			func(next agent.Handler) agent.Handler {
				return func(ctx context.Context, req *agentv1.ControlRequest) *agentv1.ControlResponse {
					if r := req.GetPtyWrite(); r != nil && len(r.GetData()) == 0 {
						return &agentv1.ControlResponse{RequestId: req.GetRequestId(),
							Error: &agentv1.AgentError{Code: agentv1.ErrorCode_ERROR_CODE_PROTOCOL}}
					}
					return next(ctx, req)
				}
			}),
		silent("loses the end of a long paste", "pty.write/a-long-paste", "less in time",
			typing(func(b []byte) []byte { return b[:min(len(b), 64<<10)] })),
		mutant("doubles a byte of a long paste", "pty.write/a-long-paste", "the digest",
			typing(func(b []byte) []byte {
				if len(b) > 64<<10 {
					return slices.Insert(slices.Clone(b), 64<<10, b[64<<10])
				}
				return b
			})),
		mutant("lets writes overtake each other", "pty.write/in-order-of-arrival", "the order",
			typing(func(b []byte) []byte {
				mu.Lock()
				defer mu.Unlock()
				if len(b) == 5 && held == nil {
					held = b
					return nil
				}
				b = append(slices.Clone(b), held...)
				held = nil
				return b
			})),
		wide(silent("takes a resize and does nothing", "pty.resize/size-and-signal", "the size that the child sees",
			fault.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetPtyResize(); r != nil {
					r.Cols, r.Rows = 0, 0 // which keep what was
				}
			}))),
		wide(mutant("swaps columns and rows of a resize", "pty.resize/size-and-signal", "the size",
			fault.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetPtyResize(); r != nil {
					r.Cols, r.Rows = r.Rows, r.Cols
				}
			}))),
		wide(mutant("resizes once", "pty.resize/while-output-runs", "columns after the last",
			fault.Before(func(req *agentv1.ControlRequest) {
				if r := req.GetPtyResize(); r != nil && !once.CompareAndSwap(false, true) {
					r.Cols, r.Rows = 0, 0
				}
			}))),
		silent("sends no signal about a resize", "pty.resize/size-and-signal", "the size that the child sees",
			within(`exec 3<&0; setsid "$@" <&3 & wait`)),
	}
}
