//go:build unix

package pty_test

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"agentproof/internal/streamtap"
	"agentproof/internal/trial"
	agentv1 "agentproof/proto/opengeni/agent/v1"
	"agentproof/suite/cases/pty"
)

// at changes the output where it reaches an offset: data[i] is the byte there.
func at(offset int, edit func(data []byte, i int) []byte) func() func([]byte) []byte {
	return func() func([]byte) []byte {
		seen := 0
		return func(data []byte) []byte {
			i := offset - seen
			seen += len(data)
			if i < 0 || i >= len(data) {
				return data
			}
			return edit(data, i)
		}
	}
}

func losesByte(data []byte, i int) []byte   { return slices.Delete(data, i, i+1) }
func doublesByte(data []byte, i int) []byte { return slices.Insert(data, i, data[i]) }
func flipsBit(data []byte, i int) []byte    { data[i] ^= 1; return data }

// impatient drops what comes after the relay made it wait.
func impatient() func([]byte) []byte {
	last := time.Now()
	return func(data []byte) []byte {
		waited := time.Since(last)
		last = time.Now()
		if waited > 200*time.Millisecond {
			return nil
		}
		return data
	}
}

// wholeLines forgets what no line end follows.
func wholeLines() func([]byte) []byte {
	return func(data []byte) []byte { return data[:bytes.LastIndexByte(data, '\n')+1] }
}

// firstLost loses the first output.
func firstLost() func([]byte) []byte {
	lost := false
	return func(data []byte) []byte {
		if !lost {
			lost = true
			return nil
		}
		return data
	}
}

// ending changes the StreamClose of the agent.
func ending(edit func(*agentv1.StreamClose) []proto.Message) func() streamtap.Edits {
	return func() streamtap.Edits {
		return streamtap.Edits{ToRelay: trial.Messages(func(m proto.Message) []proto.Message {
			if end, ok := m.(*agentv1.StreamClose); ok {
				return edit(end)
			}
			return []proto.Message{m}
		})}
	}
}

func tapped(t *testing.T, name, id, says string, open func() streamtap.Edits) trial.Mutant {
	return trial.Mutant{Name: name, Case: id, Says: says, Config: trial.Tapped(t, streamtap.Tap{Open: open})}
}

func TestCasesNoticeWrongOutput(t *testing.T) {
	t.Parallel()
	var terminals atomic.Int32
	oneOfMany := func() func([]byte) []byte {
		unlucky := terminals.Add(1) == 23
		return func(data []byte) []byte {
			if unlucky {
				data = bytes.TrimSuffix(data, []byte("line-300\r\n"))
			}
			return data
		}
	}
	reason := func(end *agentv1.StreamClose) []proto.Message {
		end.Reason = agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL
		return []proto.Message{end}
	}
	none := func(*agentv1.StreamClose) []proto.Message { return nil }
	hurried := func(m trial.Mutant) trial.Mutant { m.Scale = soon; return m }
	trial.Noticed(t, pty.Cases(), []trial.Mutant{
		tapped(t, "doubles a byte after 64 KiB", "pty.output-complete/sixty-four-mebibytes", "at offset 65",
			trial.Output(at(66_000, doublesByte))),
		tapped(t, "changes a bit of a line", "pty.output-complete/many-small-writes", "counted up", trial.Output(at(7002, flipsBit))),
		tapped(t, "drops output that the relay does not take at once", "pty.output-complete/a-viewer-that-pauses", "the output of",
			trial.Output(func() func([]byte) []byte { return impatient() })),
		tapped(t, "loses a byte of a line", "pty.output-complete/many-small-writes", "counted up", trial.Output(at(7000, losesByte))),
		tapped(t, "doubles a byte of a line", "pty.output-complete/many-small-writes", "counted up", trial.Output(at(7001, doublesByte))),
		hurried(tapped(t, "sends only what is printed while a viewer looks", "pty.first-bytes/before-a-viewer-came", "nothing more in time",
			trial.Output(firstLost))),
		tapped(t, "sends whole lines only", "pty.exit/last-output-then-stream-close", "last output", trial.Output(wholeLines)),
		tapped(t, "loses the last line of one program in forty", "pty.exit/print-and-exit-many-times", "all 300 lines", trial.Output(oneOfMany)),
		tapped(t, "calls the end of a program another", "pty.exit/last-output-then-stream-close", "PROCESS_EXIT", ending(reason)),
		tapped(t, "calls the end by a close another", "pty.close/stream-ends-with-process-exit", "PROCESS_EXIT", ending(reason)),
		hurried(tapped(t, "says nothing at the end of a program", "pty.exit/last-output-then-stream-close", "PROCESS_EXIT", ending(none))),
		hurried(tapped(t, "says nothing at the end by a close", "pty.close/stream-ends-with-process-exit", "PROCESS_EXIT", ending(none))),
		hurried(tapped(t, "ends its terminals with the relay", "pty.survives-relay/killed", "nothing more in time", func() streamtap.Edits {
			return streamtap.Edits{Lost: closeMessage}
		})),
		tapped(t, "forgets some output in every reconnect", "pty.survives-relay/shut-down", "counted up",
			afterReconnect(func(_, data []byte) []byte {
				if len(data) < 1000 {
					return data // the end of the output, which is waited for
				}
				return data[100:]
			})),
		tapped(t, "sends some output again in every reconnect", "pty.survives-relay/shut-down", "counted up",
			afterReconnect(func(last, data []byte) []byte { return slices.Concat(last, data) })),
	})
}

// closeMessage is the viewer's StreamClose.
func closeMessage() [][]byte {
	return trial.Encoded(&agentv1.StreamClose{Reason: agentv1.StreamCloseReason_STREAM_CLOSE_REASON_NORMAL})
}

// afterReconnect changes the output of every connection but the first. edit
// may look at the data of the frame before.
func afterReconnect(edit func(last, data []byte) []byte) func() streamtap.Edits {
	var mu sync.Mutex
	var last []byte
	connections := 0
	return func() streamtap.Edits {
		mu.Lock()
		defer mu.Unlock()
		connections++
		again := connections > 1
		return streamtap.Edits{ToRelay: trial.Messages(func(m proto.Message) []proto.Message {
			if f, ok := m.(*agentv1.StreamFrame); ok {
				mu.Lock()
				defer mu.Unlock()
				data := f.GetData()
				if again {
					f.Data = edit(last, data)
				}
				last = data
			}
			return []proto.Message{m}
		})}
	}
}
